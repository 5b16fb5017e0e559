"""Our own notifiers: guests like any other, they import only what a stranger may import."""
