-- taskkit: a new store of version 3; apply it with: psql -v ON_ERROR_STOP=1
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
CREATE TABLE "taskkit_causes" ("job" text COLLATE "C" NOT NULL, "place" bigint NOT NULL, "cause" text COLLATE "C", "via" text COLLATE "C", PRIMARY KEY ("job", "place"));
CREATE TABLE "taskkit_holds" ("job" text COLLATE "C" NOT NULL, "key" text COLLATE "C" NOT NULL, "how" text COLLATE "C" NOT NULL, "most" bigint, "wanted" bigint, "waits" bigint, PRIMARY KEY ("job", "key", "how"));
CREATE INDEX "taskkit_holds_of_keys" ON "taskkit_holds" ("key");
CREATE INDEX "taskkit_holds_waiting" ON "taskkit_holds" ("key") WHERE waits = 1;
CREATE TABLE "taskkit_documents" ("place" text COLLATE "C" NOT NULL, "id" text COLLATE "C" NOT NULL, "revision" bigint, "body" text COLLATE "C", "family" text COLLATE "C", PRIMARY KEY ("place", "id"));
CREATE INDEX "taskkit_documents_of_families" ON "taskkit_documents" ("place", "family", "id");
CREATE TABLE "taskkit_blobs" ("id" text COLLATE "C" NOT NULL, "writer" text COLLATE "C", "job" text COLLATE "C", PRIMARY KEY ("id"));
CREATE INDEX "taskkit_blobs_of_jobs" ON "taskkit_blobs" ("job") WHERE job IS NOT NULL;
CREATE TABLE "taskkit_pieces" ("blob" text COLLATE "C" NOT NULL, "place" bigint NOT NULL, "piece" bytea, PRIMARY KEY ("blob", "place"));
CREATE TABLE "taskkit_chains" ("chain" text COLLATE "C" NOT NULL, "position" bigint, "hash" text COLLATE "C", "first" bigint, "first_hash" text COLLATE "C", "absorbed" text COLLATE "C", "key" text COLLATE "C", PRIMARY KEY ("chain"));
CREATE TABLE "taskkit_facts" ("chain" text COLLATE "C" NOT NULL, "position" bigint NOT NULL, "at" bigint, "kind" text COLLATE "C", "record" text COLLATE "C", "line" text COLLATE "C", "told" text COLLATE "C", "hash" text COLLATE "C", PRIMARY KEY ("chain", "position"));
CREATE INDEX "taskkit_facts_stories" ON "taskkit_facts" ("record", "line", "at");
CREATE TABLE "taskkit_inbox" ("number" bigint GENERATED ALWAYS AS IDENTITY, "id" text COLLATE "C" NOT NULL, "told" text COLLATE "C", UNIQUE ("id"));
CREATE TABLE "taskkit_numbers" ("name" text COLLATE "C" NOT NULL, "value" bigint, PRIMARY KEY ("name"));
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('schema', 3);
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('schema_least', 1);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('75755b5663d2-3', 'occurrence', 'completed', '75755b5663d2-2', '75755b5663d2-2', 'r1', 'local', NULL, NULL, 1, 1772418600000000, 1772418600000000, 1772409600000000, 1772418600, '2026-03-02T02:30 UTC', '2026-03-02T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, 'vm', NULL, NULL, 0, 0, 0, 5, NULL, NULL, 1772420400000000, 1772420400000000, 1772420400000000, 1, '{"memo":{"blob":"4f8389ae06db94cd0ea35c4b"},"blobs":["4f8389ae06db94cd0ea35c4b"]}', '75755b5663d2-2
r1', '75755b5663d2-2', 3, 1772420400000000);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('75755b5663d2-5', 'fired', 'merged', '75755b5663d2-2', '75755b5663d2-2', 'r1', 'local', NULL, NULL, 1, 1772420400000000, 1772420400000000, 1772420400000000, NULL, NULL, NULL, '', NULL, NULL, 'merged', NULL, 'vm', NULL, NULL, 0, 0, 0, 3, NULL, NULL, NULL, NULL, 1772420400000000, NULL, '{"origin":["75755b5663d2-2"],"into":"75755b5663d2-3"}', '75755b5663d2-2
r1', '75755b5663d2-2', 3, 1772420400000000);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('75755b5663d2-6', 'occurrence', 'running', '75755b5663d2-2', '75755b5663d2-2', 'r1', 'local', NULL, NULL, 1, 1772505000000000, 1772505000000000, 1772420400000000, 1772505000, '2026-03-03T02:30 UTC', '2026-03-03T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, 'vm/75755b5663d2', 'vm', NULL, NULL, 0, 0, 0, 4, 1772505060000000, 1772505120000000, 1772505060000000, 1772505060000000, NULL, 1, '{"memo":{"blob":"f74ff224118ce20bd0ab6335"},"blobs":["f74ff224118ce20bd0ab6335"]}', '75755b5663d2-2
r1', '75755b5663d2-2', 2, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('75755b5663d2-7', 'occurrence', 'running', '75755b5663d2-2', '75755b5663d2-2', 'r2', 'local', NULL, NULL, 1, 1772505000000000, 1772505000000000, 1772420400000000, 1772505000, '2026-03-03T02:30 UTC', '2026-03-03T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, 'vm/75755b5663d2', 'vm', NULL, NULL, 0, 0, 0, 3, 1772505060000001, 1772505120000000, 1772505060000000, 1772505060000000, NULL, 1, NULL, '75755b5663d2-2
r2', '75755b5663d2-2', 2, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('75755b5663d2-8', 'occurrence', 'scheduled', '75755b5663d2-2', '75755b5663d2-2', 'r1', 'local', NULL, NULL, 1, 1772591400000000, 1772591400000000, 1772505060000000, 1772591400, '2026-03-04T02:30 UTC', '2026-03-04T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '75755b5663d2-2
r1', '75755b5663d2-2', 0, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('75755b5663d2-9', 'occurrence', 'scheduled', '75755b5663d2-2', '75755b5663d2-2', 'r2', 'local', NULL, NULL, 1, 1772591400000000, 1772591400000000, 1772505060000000, 1772591400, '2026-03-04T02:30 UTC', '2026-03-04T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '75755b5663d2-2
r2', '75755b5663d2-2', 0, NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('75755b5663d2-2
r1
2026-03-02T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('75755b5663d2-2
r1
2026-03-03T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('75755b5663d2-2
r1
2026-03-04T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('75755b5663d2-2
r1
approval:a-17', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('75755b5663d2-2
r2
2026-03-02T02:30 UTC', 1772420400000000);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('75755b5663d2-2
r2
2026-03-03T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('75755b5663d2-2
r2
2026-03-04T02:30 UTC', NULL);
INSERT INTO "taskkit_causes" ("job", "place", "cause", "via") VALUES ('75755b5663d2-3', 0, '["approval:a-17","checked_in","after check-in",1772420400000000,1772420400000000,"told-once",false,null,"run",null,[]]', NULL);
INSERT INTO "taskkit_holds" ("job", "key", "how", "most", "wanted", "waits") VALUES ('75755b5663d2-6', 'line:75755b5663d2-2/r1', 'write', NULL, 1772505000000000, 0);
INSERT INTO "taskkit_holds" ("job", "key", "how", "most", "wanted", "waits") VALUES ('75755b5663d2-7', 'line:75755b5663d2-2/r2', 'write', NULL, 1772505000000000, 0);
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('definition', 'report', 1, '{"kind":"report","name":"report"}', 'report');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('definition', 'type:unix', 1, '{"kind":"record_type","name":"unix","executor":null,"host":"host","port":"port","user":"user","secret":"password","key":"key","settings":{},"passwords":null}', 'record_type');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'notifier:inbox', 3, '{"mark":{"b7df9fbb8aa3":10}}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'outbox', 1, '{"mark":null,"reader":"75755b5663d2-1"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'pasts', 1, '{"seen":20514,"gone":20514}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'purged', 1, '{"at":1772420400000000}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'reconciled', 1, '{"at":1772420400000000}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('name', 'type:unix
name
nightly', 1, '{"task":"75755b5663d2-2"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('name', 'type:unix
script
report', 1, '{"task":"75755b5663d2-2"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('task', '75755b5663d2-2', 1, '{"name":"nightly","script":"report","policies":[{"kind":"daily","at":["02:30"]},{"kind":"after_check_in"}],"list":"type:unix","id":"75755b5663d2-2","line":"75755b5663d2-2"}', 'type:unix');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('use', 'report', 1, '{}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('use', 'type:unix', 1, '{}', '');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('4f8389ae06db94cd0ea35c4b', '75755b5663d2-3', '75755b5663d2-3');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('c28157fd60954b343b44fe77', '75755b5663d2-6', NULL);
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('f74ff224118ce20bd0ab6335', '75755b5663d2-6', '75755b5663d2-6');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('4f8389ae06db94cd0ea35c4b', 0, '\x7061676573');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('c28157fd60954b343b44fe77', 0, '\x7365656E206279206E6F626F6479');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('f74ff224118ce20bd0ab6335', 0, '\x7061676573');
INSERT INTO "taskkit_chains" ("chain", "position", "hash", "first", "first_hash", "absorbed", "key") VALUES ('b7df9fbb8aa3', 12, '349ef8a16a19f39205c6461fa12ca0673bcc694d6db4dc5ec8e9b62c79c5ba1a', 0, 'b7df9fbb8aa3
', '[]', NULL);
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 1, 1772409600000000, 'ChainBegan', NULL, NULL, '["ChainBegan",1772409600000000,null,null,null,null,null,{"heads":{}}]', '8285a3404620694a03230bcc64e9d2acdc180f6bc3d2dac1742a488fb670ec33');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 10, 1772420400000000, 'JobCompleted', 'r2', '75755b5663d2-2', '["JobCompleted",1772420400000000,"75755b5663d2-4","75755b5663d2-2","75755b5663d2-2","r2",null,null]', '9c188dc0545d698454fccaa7a33484e227853baa1045dff3655b3e55a82ddcda');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 11, 1772505060000000, 'JobStarted', 'r1', '75755b5663d2-2', '["JobStarted",1772505060000000,"75755b5663d2-6","75755b5663d2-2","75755b5663d2-2","r1",null,{"at":1772505000000000,"node":"vm","nominal":"2026-03-03T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772505000000000}]', 'ec80fc66a3828f769c2fe767ef2ec73f5a7571c4c50afc4c639cdc4305ace597');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 12, 1772505060000000, 'JobStarted', 'r2', '75755b5663d2-2', '["JobStarted",1772505060000000,"75755b5663d2-7","75755b5663d2-2","75755b5663d2-2","r2",null,{"at":1772505000000000,"node":"vm","nominal":"2026-03-03T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772505000000000}]', '349ef8a16a19f39205c6461fa12ca0673bcc694d6db4dc5ec8e9b62c79c5ba1a');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 2, 1772409600000000, 'Defined', NULL, NULL, '["Defined",1772409600000000,null,null,null,null,null,{"kind":"record_type","name":"type:unix","version":1}]', '598ebc2c42c00b42095d8439f8db4f6f172a864e2ccacefc6a096714110e7580');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 3, 1772409600000000, 'Defined', NULL, NULL, '["Defined",1772409600000000,null,null,null,null,null,{"kind":"report","name":"report","version":1}]', 'c24d4b45deb302b0aefcd8863861cfb3f37f2ca26cf9c5f91b686ee573d94a71');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 4, 1772409600000000, 'TaskPut', NULL, '75755b5663d2-2', '["TaskPut",1772409600000000,null,"75755b5663d2-2","75755b5663d2-2",null,null,{"list":"type:unix","name":"nightly"}]', '91972e87b3a3514ffba17aedc8ee1067cc9d43d86bb76cd518c8540bde73e7c7');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 5, 1772420400000000, 'JobMade', 'r1', '75755b5663d2-2', '["JobMade",1772420400000000,"75755b5663d2-5","75755b5663d2-2","75755b5663d2-2","r1",null,{"happening":"told-once","kind":"checked_in","policy":"after check-in","wanted":1772420400000000}]', 'd884be26d6522bb53dcf0476f14e8130eb0acf268efdd3ec4a1c0c70edf7a762');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 6, 1772420400000000, 'JobMerged', 'r1', '75755b5663d2-2', '["JobMerged",1772420400000000,"75755b5663d2-5","75755b5663d2-2","75755b5663d2-2","r1",null,{"into":"75755b5663d2-3","node":"vm","wanted":1772420400000000}]', '2374acdf3086f5d4822d9e93794c1380ec228d40d75792d54bec5604075466ff');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 7, 1772420400000000, 'JobStarted', 'r1', '75755b5663d2-2', '["JobStarted",1772420400000000,"75755b5663d2-3","75755b5663d2-2","75755b5663d2-2","r1",null,{"at":1772418600000000,"node":"vm","nominal":"2026-03-02T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772418600000000}]', '249e8b6dc04639e7dfb976628875ba0863e41a759d64dbbb3377508d11812190');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 8, 1772420400000000, 'JobStarted', 'r2', '75755b5663d2-2', '["JobStarted",1772420400000000,"75755b5663d2-4","75755b5663d2-2","75755b5663d2-2","r2",null,{"at":1772418600000000,"node":"vm","nominal":"2026-03-02T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772418600000000}]', '9c54c367229b6fd7c7086be7fdd804026a19d1f65d2707b354eca56c96c23ef2');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('b7df9fbb8aa3', 9, 1772420400000000, 'JobCompleted', 'r1', '75755b5663d2-2', '["JobCompleted",1772420400000000,"75755b5663d2-3","75755b5663d2-2","75755b5663d2-2","r1",null,null]', '0461dc593186ab40afd02365ebe5c3c1f8d2ebac73bbe6db9ddadc726aa5795c');
INSERT INTO "taskkit_inbox" ("id", "told") VALUES ('3cfc5a0b9055ef8dceca116b', '{"kind": "checked_in", "record": "r2", "id": "left", "at": "2026-03-03T02:31:00+00:00"}');
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('token', 1772505060000001);
COMMIT;
-- what the account needs that works with it:
--   GRANT USAGE ON SCHEMA "taskkit" TO account;
--   GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "taskkit" TO account;
