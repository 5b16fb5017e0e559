-- taskkit: a new store of version 2; apply it with: psql -v ON_ERROR_STOP=1
-- a taskkit that knows version 1 or later may work on it
BEGIN;
SELECT pg_advisory_xact_lock(-2631068190768527569);
CREATE SCHEMA "taskkit";
SET LOCAL search_path = "taskkit";
CREATE TABLE "taskkit_jobs" ("number" bigint GENERATED ALWAYS AS IDENTITY, "id" text COLLATE "C" NOT NULL, "kind" text COLLATE "C", "state" text COLLATE "C", "task" text COLLATE "C", "line" text COLLATE "C", "record" text COLLATE "C", "pool" text COLLATE "C", "via" text COLLATE "C", "host" text COLLATE "C", "planned_for" bigint, "due" bigint, "wanted" bigint, "created" bigint, "at" bigint, "nominal" text COLLATE "C", "fire" text COLLATE "C", "policy" text COLLATE "C", "series" text COLLATE "C", "execution" text COLLATE "C", "why" text COLLATE "C", "worker" text COLLATE "C", "node" text COLLATE "C", "error" text COLLATE "C", "account" text COLLATE "C", "cycle" bigint, "waits" bigint, "rescues" bigint, "revision" bigint, "token" bigint, "lease" bigint, "started" bigint, "turned_at" bigint, "ended" bigint, "version" bigint, "rest" text COLLATE "C", "place" text COLLATE "C", "trigger" text COLLATE "C", "phase" bigint, "over" bigint, UNIQUE ("id"));
CREATE INDEX "taskkit_jobs_due" ON "taskkit_jobs" ("pool", "due", "number") WHERE phase = 0;
CREATE INDEX "taskkit_jobs_lent" ON "taskkit_jobs" ("lease") WHERE phase = 2;
CREATE INDEX "taskkit_jobs_open" ON "taskkit_jobs" ("place") WHERE over IS NULL;
CREATE INDEX "taskkit_jobs_of_lines" ON "taskkit_jobs" ("line", "number");
CREATE INDEX "taskkit_jobs_of_records" ON "taskkit_jobs" ("record", "number") WHERE record IS NOT NULL;
CREATE INDEX "taskkit_jobs_of_series" ON "taskkit_jobs" ("series") WHERE series IS NOT NULL;
CREATE INDEX "taskkit_jobs_of_executions" ON "taskkit_jobs" ("execution", "number") WHERE execution IS NOT NULL;
CREATE INDEX "taskkit_jobs_over" ON "taskkit_jobs" ("over") WHERE over IS NOT NULL;
CREATE INDEX "taskkit_jobs_triggered" ON "taskkit_jobs" ("trigger", "number") WHERE over IS NULL;
CREATE TABLE "taskkit_fires" ("fire" text COLLATE "C" NOT NULL, "ended" bigint, PRIMARY KEY ("fire"));
CREATE INDEX "taskkit_fires_left" ON "taskkit_fires" ("ended") WHERE ended IS NOT NULL;
CREATE TABLE "taskkit_causes" ("job" text COLLATE "C" NOT NULL, "place" bigint NOT NULL, "cause" text COLLATE "C", PRIMARY KEY ("job", "place"));
CREATE TABLE "taskkit_holds" ("job" text COLLATE "C" NOT NULL, "key" text COLLATE "C" NOT NULL, "how" text COLLATE "C" NOT NULL, "most" bigint, "wanted" bigint, "waits" bigint, PRIMARY KEY ("job", "key", "how"));
CREATE INDEX "taskkit_holds_of_keys" ON "taskkit_holds" ("key");
CREATE INDEX "taskkit_holds_waiting" ON "taskkit_holds" ("key") WHERE waits = 1;
CREATE TABLE "taskkit_documents" ("place" text COLLATE "C" NOT NULL, "id" text COLLATE "C" NOT NULL, "revision" bigint, "body" text COLLATE "C", "family" text COLLATE "C", PRIMARY KEY ("place", "id"));
CREATE INDEX "taskkit_documents_of_families" ON "taskkit_documents" ("place", "family", "id");
CREATE TABLE "taskkit_blobs" ("id" text COLLATE "C" NOT NULL, "writer" text COLLATE "C", "job" text COLLATE "C", PRIMARY KEY ("id"));
CREATE INDEX "taskkit_blobs_of_jobs" ON "taskkit_blobs" ("job") WHERE job IS NOT NULL;
CREATE TABLE "taskkit_pieces" ("blob" text COLLATE "C" NOT NULL, "place" bigint NOT NULL, "piece" bytea, PRIMARY KEY ("blob", "place"));
CREATE TABLE "taskkit_chains" ("chain" text COLLATE "C" NOT NULL, "position" bigint, "hash" text COLLATE "C", "first" bigint, "first_hash" text COLLATE "C", "absorbed" text COLLATE "C", "key" text COLLATE "C", PRIMARY KEY ("chain"));
CREATE TABLE "taskkit_facts" ("chain" text COLLATE "C" NOT NULL, "position" bigint NOT NULL, "at" bigint, "kind" text COLLATE "C", "record" text COLLATE "C", "told" text COLLATE "C", "hash" text COLLATE "C", PRIMARY KEY ("chain", "position"));
CREATE INDEX "taskkit_facts_of_records" ON "taskkit_facts" ("record", "chain", "position") WHERE record IS NOT NULL;
CREATE TABLE "taskkit_inbox" ("number" bigint GENERATED ALWAYS AS IDENTITY, "id" text COLLATE "C" NOT NULL, "told" text COLLATE "C", UNIQUE ("id"));
CREATE TABLE "taskkit_numbers" ("name" text COLLATE "C" NOT NULL, "value" bigint, PRIMARY KEY ("name"));
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('schema', 2);
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('schema_least', 1);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('d980c1b7378e-2', 'occurrence', 'completed', 'd980c1b7378e-1', 'd980c1b7378e-1', 'r1', 'local', NULL, NULL, 1, 1772418600000000, 1772418600000000, 1772409600000000, 1772418600, '2026-03-02T02:30 UTC', '2026-03-02T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, 'vm', NULL, NULL, 0, 0, 0, 5, NULL, NULL, 1772420400000000, 1772420400000000, 1772420400000000, 1, '{"memo":{"blob":"f8c61f7e71f94b46c3ead567"},"blobs":["f8c61f7e71f94b46c3ead567"]}', 'd980c1b7378e-1
r1', 'd980c1b7378e-1', 3, 1772420400000000);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('d980c1b7378e-4', 'fired', 'merged', 'd980c1b7378e-1', 'd980c1b7378e-1', 'r1', 'local', NULL, NULL, 1, 1772420400000000, 1772420400000000, 1772420400000000, NULL, NULL, NULL, '', NULL, NULL, 'merged', NULL, 'vm', NULL, NULL, 0, 0, 0, 3, NULL, NULL, NULL, NULL, 1772420400000000, NULL, '{"origin":["d980c1b7378e-1"],"into":"d980c1b7378e-2"}', 'd980c1b7378e-1
r1', 'd980c1b7378e-1', 3, 1772420400000000);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('d980c1b7378e-5', 'occurrence', 'running', 'd980c1b7378e-1', 'd980c1b7378e-1', 'r1', 'local', NULL, NULL, 1, 1772505000000000, 1772505000000000, 1772420400000000, 1772505000, '2026-03-03T02:30 UTC', '2026-03-03T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, 'vm/d980c1b7378e', 'vm', NULL, NULL, 0, 0, 0, 4, 1772505060000000, 1772505120000000, 1772505060000000, 1772505060000000, NULL, 1, '{"memo":{"blob":"8773fd3fc83da9d6f09a52b8"},"blobs":["8773fd3fc83da9d6f09a52b8"]}', 'd980c1b7378e-1
r1', 'd980c1b7378e-1', 2, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('d980c1b7378e-6', 'occurrence', 'running', 'd980c1b7378e-1', 'd980c1b7378e-1', 'r2', 'local', NULL, NULL, 1, 1772505000000000, 1772505000000000, 1772420400000000, 1772505000, '2026-03-03T02:30 UTC', '2026-03-03T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, 'vm/d980c1b7378e', 'vm', NULL, NULL, 0, 0, 0, 3, 1772505060000001, 1772505120000000, 1772505060000000, 1772505060000000, NULL, 1, NULL, 'd980c1b7378e-1
r2', 'd980c1b7378e-1', 2, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('d980c1b7378e-7', 'occurrence', 'scheduled', 'd980c1b7378e-1', 'd980c1b7378e-1', 'r1', 'local', NULL, NULL, 1, 1772591400000000, 1772591400000000, 1772505060000000, 1772591400, '2026-03-04T02:30 UTC', '2026-03-04T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'd980c1b7378e-1
r1', 'd980c1b7378e-1', 0, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('d980c1b7378e-8', 'occurrence', 'scheduled', 'd980c1b7378e-1', 'd980c1b7378e-1', 'r2', 'local', NULL, NULL, 1, 1772591400000000, 1772591400000000, 1772505060000000, 1772591400, '2026-03-04T02:30 UTC', '2026-03-04T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'd980c1b7378e-1
r2', 'd980c1b7378e-1', 0, NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('d980c1b7378e-1
r1
2026-03-02T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('d980c1b7378e-1
r1
2026-03-03T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('d980c1b7378e-1
r1
2026-03-04T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('d980c1b7378e-1
r1
approval:a-17', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('d980c1b7378e-1
r2
2026-03-02T02:30 UTC', 1772420400000000);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('d980c1b7378e-1
r2
2026-03-03T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('d980c1b7378e-1
r2
2026-03-04T02:30 UTC', NULL);
INSERT INTO "taskkit_causes" ("job", "place", "cause") VALUES ('d980c1b7378e-2', 0, '["approval:a-17","checked_in","after check-in",1772420400000000,1772420400000000,"told-once",false,null,"run",null,[]]');
INSERT INTO "taskkit_holds" ("job", "key", "how", "most", "wanted", "waits") VALUES ('d980c1b7378e-5', 'line:d980c1b7378e-1/r1', 'write', NULL, 1772505000000000, 0);
INSERT INTO "taskkit_holds" ("job", "key", "how", "most", "wanted", "waits") VALUES ('d980c1b7378e-6', 'line:d980c1b7378e-1/r2', 'write', NULL, 1772505000000000, 0);
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('definition', 'report', 1, '{"kind":"report","name":"report"}', 'report');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('definition', 'type:unix', 1, '{"kind":"record_type","name":"unix","executor":null,"host":"host","port":"port","user":"user","secret":"password","key":"key","settings":{}}', 'record_type');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'notifier:inbox', 3, '{"mark":{"c211a67b4c9b":10}}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'pasts', 1, '{"seen":20514,"gone":20514}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'purged', 1, '{"at":1772420400000000}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'reconciled', 1, '{"at":1772420400000000}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('name', 'type:unix
name
nightly', 1, '{"task":"d980c1b7378e-1"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('name', 'type:unix
script
report', 1, '{"task":"d980c1b7378e-1"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('task', 'd980c1b7378e-1', 1, '{"name":"nightly","script":"report","policies":[{"kind":"daily","at":["02:30"]},{"kind":"after_check_in"}],"list":"type:unix","id":"d980c1b7378e-1","line":"d980c1b7378e-1"}', 'type:unix');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('use', 'report', 1, '{}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('use', 'type:unix', 1, '{}', '');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('7506e09ad084643ff26f358e', 'd980c1b7378e-5', NULL);
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('8773fd3fc83da9d6f09a52b8', 'd980c1b7378e-5', 'd980c1b7378e-5');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('f8c61f7e71f94b46c3ead567', 'd980c1b7378e-2', 'd980c1b7378e-2');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('7506e09ad084643ff26f358e', 0, '\x7365656E206279206E6F626F6479');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('8773fd3fc83da9d6f09a52b8', 0, '\x7061676573');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('f8c61f7e71f94b46c3ead567', 0, '\x7061676573');
INSERT INTO "taskkit_chains" ("chain", "position", "hash", "first", "first_hash", "absorbed", "key") VALUES ('c211a67b4c9b', 12, '74046380f00bcc02b502af9e3593e2ab22b94b333dc9975ecb4a8b7c1fe011c2', 0, 'c211a67b4c9b
', '[]', NULL);
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 1, 1772409600000000, 'ChainBegan', NULL, '["ChainBegan",1772409600000000,null,null,null,null,null,{"heads":{}}]', '47c251dab89a10409edc4f02ef540ec73f3ae1f79036d0d668e9f44b76f9e76f');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 10, 1772420400000000, 'JobCompleted', 'r2', '["JobCompleted",1772420400000000,"d980c1b7378e-3","d980c1b7378e-1","d980c1b7378e-1","r2",null,null]', '8a9ca276bb5791983c0459b49217a851ae1d1018e48300b304f26902cf515c90');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 11, 1772505060000000, 'JobStarted', 'r1', '["JobStarted",1772505060000000,"d980c1b7378e-5","d980c1b7378e-1","d980c1b7378e-1","r1",null,null]', '7f5a3523be92517160d5678b1874ad9ad07ef4e5b9851b764317f8c7b7fa1483');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 12, 1772505060000000, 'JobStarted', 'r2', '["JobStarted",1772505060000000,"d980c1b7378e-6","d980c1b7378e-1","d980c1b7378e-1","r2",null,null]', '74046380f00bcc02b502af9e3593e2ab22b94b333dc9975ecb4a8b7c1fe011c2');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 2, 1772409600000000, 'Defined', NULL, '["Defined",1772409600000000,null,null,null,null,null,{"kind":"record_type","name":"type:unix","version":1}]', '1cf7a35b23dd5740d8e0762b1afae201457819967b706a0934ed9d83169133e4');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 3, 1772409600000000, 'Defined', NULL, '["Defined",1772409600000000,null,null,null,null,null,{"kind":"report","name":"report","version":1}]', 'fd20e6b15e86de88f1aa0bc6382a193c28908643f5bdcf70fb3d9701a64f769f');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 4, 1772409600000000, 'TaskPut', NULL, '["TaskPut",1772409600000000,null,"d980c1b7378e-1","d980c1b7378e-1",null,null,{"list":"type:unix","name":"nightly"}]', '1b28cacc436ce9f747665a8debd5745f5a0440d3ccb8c03e01947969a1aa3768');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 5, 1772420400000000, 'JobMade', 'r1', '["JobMade",1772420400000000,"d980c1b7378e-4","d980c1b7378e-1","d980c1b7378e-1","r1",null,{"happening":"told-once","kind":"checked_in","policy":"after check-in"}]', '160ceedc5803cd63da49a0f2c957418465f627ad5c918cf652a3ff44084e17c4');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 6, 1772420400000000, 'JobMerged', 'r1', '["JobMerged",1772420400000000,"d980c1b7378e-4","d980c1b7378e-1","d980c1b7378e-1","r1",null,{"into":"d980c1b7378e-2"}]', 'a103129eba8dd412148f16c9d40e550e72943dc2e59edaa395099b236304240a');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 7, 1772420400000000, 'JobStarted', 'r1', '["JobStarted",1772420400000000,"d980c1b7378e-2","d980c1b7378e-1","d980c1b7378e-1","r1",null,null]', 'cc0e5b8ab498e8c9a4c316fe1adcb92fef73928c4fb516fc64f9670c5fe9f7c6');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 8, 1772420400000000, 'JobStarted', 'r2', '["JobStarted",1772420400000000,"d980c1b7378e-3","d980c1b7378e-1","d980c1b7378e-1","r2",null,null]', '3cbf6f59262943004c65a4d9a4d278cb3952c75e0b98424ae4112db89364027c');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('c211a67b4c9b', 9, 1772420400000000, 'JobCompleted', 'r1', '["JobCompleted",1772420400000000,"d980c1b7378e-2","d980c1b7378e-1","d980c1b7378e-1","r1",null,null]', 'eb386d1513d8971d4c8453a3edd08289f8846feca8ad8b6809e7bdd881c2fa8a');
INSERT INTO "taskkit_inbox" ("id", "told") VALUES ('a8e1e61b02146704b85b2323', '{"kind": "checked_in", "record": "r2", "id": "left", "at": "2026-03-03T02:31:00+00:00"}');
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('token', 1772505060000001);
COMMIT;
-- what the account needs that works with it:
--   GRANT USAGE ON SCHEMA "taskkit" TO account;
--   GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "taskkit" TO account;
