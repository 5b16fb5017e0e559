"""Stores that keep everything in a database: one logic for all of them, and one room for what each database says in its own words."""
