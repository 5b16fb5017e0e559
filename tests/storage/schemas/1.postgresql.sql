-- taskkit: a new store of version 1; apply it with: psql -v ON_ERROR_STOP=1
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
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('schema', 1);
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('schema_least', 1);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('4b1ee4c491d8-2', 'occurrence', 'completed', '4b1ee4c491d8-1', '4b1ee4c491d8-1', 'r1', 'local', NULL, NULL, 1, 1772418600000000, 1772418600000000, 1772409600000000, 1772418600, '2026-03-02T02:30 UTC', '2026-03-02T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, 'vm', NULL, NULL, 0, 0, 0, 5, NULL, NULL, 1772420400000000, 1772420400000000, 1772420400000000, 1, '{"memo":{"blob":"15825309d9bb56b4e1f2f32e"},"result":{},"blobs":["15825309d9bb56b4e1f2f32e"]}', '4b1ee4c491d8-1
r1', '4b1ee4c491d8-1', 3, 1772420400000000);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('4b1ee4c491d8-4', 'fired', 'merged', '4b1ee4c491d8-1', '4b1ee4c491d8-1', 'r1', 'local', NULL, NULL, 1, 1772420400000000, 1772420400000000, 1772420400000000, NULL, NULL, NULL, '', NULL, NULL, 'merged', NULL, 'vm', NULL, NULL, 0, 0, 0, 3, NULL, NULL, NULL, NULL, 1772420400000000, NULL, '{"origin":["4b1ee4c491d8-1"],"into":"4b1ee4c491d8-2"}', '4b1ee4c491d8-1
r1', '4b1ee4c491d8-1', 3, 1772420400000000);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('4b1ee4c491d8-5', 'occurrence', 'running', '4b1ee4c491d8-1', '4b1ee4c491d8-1', 'r1', 'local', NULL, NULL, 1, 1772505000000000, 1772505000000000, 1772420400000000, 1772505000, '2026-03-03T02:30 UTC', '2026-03-03T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, 'vm/4b1ee4c491d8', 'vm', NULL, NULL, 0, 0, 0, 4, 1772505060000000, 1772505120000000, 1772505060000000, 1772505060000000, NULL, 1, '{"memo":{"blob":"5cad45dfd66cb590c8428c2b"},"blobs":["5cad45dfd66cb590c8428c2b"]}', '4b1ee4c491d8-1
r1', '4b1ee4c491d8-1', 2, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('4b1ee4c491d8-6', 'occurrence', 'running', '4b1ee4c491d8-1', '4b1ee4c491d8-1', 'r2', 'local', NULL, NULL, 1, 1772505000000000, 1772505000000000, 1772420400000000, 1772505000, '2026-03-03T02:30 UTC', '2026-03-03T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, 'vm/4b1ee4c491d8', 'vm', NULL, NULL, 0, 0, 0, 3, 1772505060000001, 1772505120000000, 1772505060000000, 1772505060000000, NULL, 1, NULL, '4b1ee4c491d8-1
r2', '4b1ee4c491d8-1', 2, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('4b1ee4c491d8-7', 'occurrence', 'scheduled', '4b1ee4c491d8-1', '4b1ee4c491d8-1', 'r1', 'local', NULL, NULL, 1, 1772591400000000, 1772591400000000, 1772505060000000, 1772591400, '2026-03-04T02:30 UTC', '2026-03-04T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '4b1ee4c491d8-1
r1', '4b1ee4c491d8-1', 0, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('4b1ee4c491d8-8', 'occurrence', 'scheduled', '4b1ee4c491d8-1', '4b1ee4c491d8-1', 'r2', 'local', NULL, NULL, 1, 1772591400000000, 1772591400000000, 1772505060000000, 1772591400, '2026-03-04T02:30 UTC', '2026-03-04T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '4b1ee4c491d8-1
r2', '4b1ee4c491d8-1', 0, NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('4b1ee4c491d8-1
r1
2026-03-02T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('4b1ee4c491d8-1
r1
2026-03-03T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('4b1ee4c491d8-1
r1
2026-03-04T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('4b1ee4c491d8-1
r1
approval:a-17', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('4b1ee4c491d8-1
r2
2026-03-02T02:30 UTC', 1772420400000000);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('4b1ee4c491d8-1
r2
2026-03-03T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('4b1ee4c491d8-1
r2
2026-03-04T02:30 UTC', NULL);
INSERT INTO "taskkit_causes" ("job", "place", "cause") VALUES ('4b1ee4c491d8-2', 0, '["approval:a-17","checked_in","after check-in",1772420400000000,1772420400000000,"told-once",false,null,"run",null,[]]');
INSERT INTO "taskkit_holds" ("job", "key", "how", "most", "wanted", "waits") VALUES ('4b1ee4c491d8-5', 'line:4b1ee4c491d8-1/r1', 'write', NULL, 1772505000000000, 0);
INSERT INTO "taskkit_holds" ("job", "key", "how", "most", "wanted", "waits") VALUES ('4b1ee4c491d8-6', 'line:4b1ee4c491d8-1/r2', 'write', NULL, 1772505000000000, 0);
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('definition', 'report', 1, '{"kind":"report","name":"report"}', 'report');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('definition', 'type:unix', 1, '{"kind":"record_type","name":"unix","executor":null,"host":"host","port":"port","user":"user","secret":"password","key":"key","settings":{}}', 'record_type');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'notifier:inbox', 3, '{"mark":{"b1144d67f836":10}}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'pasts', 1, '{"seen":20514,"gone":20514}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'purged', 1, '{"at":1772420400000000}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'reconciled', 1, '{"at":1772420400000000}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('name', 'type:unix
name
nightly', 1, '{"task":"4b1ee4c491d8-1"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('name', 'type:unix
script
report', 1, '{"task":"4b1ee4c491d8-1"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('task', '4b1ee4c491d8-1', 1, '{"name":"nightly","script":"report","policies":[{"kind":"daily","at":["02:30"]},{"kind":"after_check_in"}],"list":"type:unix","id":"4b1ee4c491d8-1","line":"4b1ee4c491d8-1"}', 'type:unix');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('use', 'report', 1, '{}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('use', 'type:unix', 1, '{}', '');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('15825309d9bb56b4e1f2f32e', '4b1ee4c491d8-2', '4b1ee4c491d8-2');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('5cad45dfd66cb590c8428c2b', '4b1ee4c491d8-5', '4b1ee4c491d8-5');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('66ffb8ba7f3f64975c33fc21', '4b1ee4c491d8-5', NULL);
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('15825309d9bb56b4e1f2f32e', 0, '\x7061676573');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('5cad45dfd66cb590c8428c2b', 0, '\x7061676573');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('66ffb8ba7f3f64975c33fc21', 0, '\x7365656E206279206E6F626F6479');
INSERT INTO "taskkit_chains" ("chain", "position", "hash", "first", "first_hash", "absorbed", "key") VALUES ('b1144d67f836', 12, '6859f0e296b58b806646a2853805b9af91459a2a6aa3b0d62d37ea4c3d62a50e', 0, 'b1144d67f836
', '[]', NULL);
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 1, 1772409600000000, 'ChainBegan', NULL, '["ChainBegan",1772409600000000,null,null,null,null,null,{"heads":{}}]', '67b29fada46aa58cd279e9cad4566afa066b9101461e49f7dc76be98bc56eb82');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 10, 1772420400000000, 'JobCompleted', 'r2', '["JobCompleted",1772420400000000,"4b1ee4c491d8-3","4b1ee4c491d8-1","4b1ee4c491d8-1","r2",null,null]', 'ef8f2104a07561c966285a12b64cd12d2ff2fcaa6d96492e00667e3256b43ac6');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 11, 1772505060000000, 'JobStarted', 'r1', '["JobStarted",1772505060000000,"4b1ee4c491d8-5","4b1ee4c491d8-1","4b1ee4c491d8-1","r1",null,null]', '963609992869042ebb1b99cc44b553fac92aa55931043661d3f53580a1190cc5');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 12, 1772505060000000, 'JobStarted', 'r2', '["JobStarted",1772505060000000,"4b1ee4c491d8-6","4b1ee4c491d8-1","4b1ee4c491d8-1","r2",null,null]', '6859f0e296b58b806646a2853805b9af91459a2a6aa3b0d62d37ea4c3d62a50e');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 2, 1772409600000000, 'Defined', NULL, '["Defined",1772409600000000,null,null,null,null,null,{"kind":"record_type","name":"type:unix","version":1}]', 'd2e8666cc13ce83c56acb1d7820afb5c9c80d746c46fb159b8cd7e9d530d9597');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 3, 1772409600000000, 'Defined', NULL, '["Defined",1772409600000000,null,null,null,null,null,{"kind":"report","name":"report","version":1}]', 'd8952b6c4d45d2056553e60b00dfb4590d142f317878dd5a58b0a8621429bd51');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 4, 1772409600000000, 'TaskPut', NULL, '["TaskPut",1772409600000000,null,"4b1ee4c491d8-1","4b1ee4c491d8-1",null,null,{"list":"type:unix","name":"nightly"}]', 'c49a9a7bbbcee4d0c9188c82341191f0446b72ad0b17b9d8199a425fcbe96221');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 5, 1772420400000000, 'JobMade', 'r1', '["JobMade",1772420400000000,"4b1ee4c491d8-4","4b1ee4c491d8-1","4b1ee4c491d8-1","r1",null,{"happening":"told-once","kind":"checked_in","policy":"after check-in"}]', 'be295233cf0ec561b7b3e5c21da31a63b8898cf4200ebdb7afd5d9d33344d381');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 6, 1772420400000000, 'JobMerged', 'r1', '["JobMerged",1772420400000000,"4b1ee4c491d8-4","4b1ee4c491d8-1","4b1ee4c491d8-1","r1",null,{"into":"4b1ee4c491d8-2"}]', '5e7212337c33583e8228ecd56d8fd9c3a36c73b48cbb3c019f0f05a424c12e7f');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 7, 1772420400000000, 'JobStarted', 'r1', '["JobStarted",1772420400000000,"4b1ee4c491d8-2","4b1ee4c491d8-1","4b1ee4c491d8-1","r1",null,null]', 'a6d179fbf98c51450c104902f1a54b1fa0e7c76fbd968cdaf9c59f053c6be302');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 8, 1772420400000000, 'JobStarted', 'r2', '["JobStarted",1772420400000000,"4b1ee4c491d8-3","4b1ee4c491d8-1","4b1ee4c491d8-1","r2",null,null]', 'bcbc3215d70da42657965f4cec07cca565d2a03c4969468bbe3c419fe214b568');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "told", "hash") VALUES ('b1144d67f836', 9, 1772420400000000, 'JobCompleted', 'r1', '["JobCompleted",1772420400000000,"4b1ee4c491d8-2","4b1ee4c491d8-1","4b1ee4c491d8-1","r1",null,null]', '567d12a6199b9abe9cdab6cdeb64927fa1abe0e66483f89e8aa8178a8cca2aa2');
INSERT INTO "taskkit_inbox" ("id", "told") VALUES ('a80980d6061fc982fb65f261', '{"kind": "checked_in", "record": "r2", "id": "left", "at": "2026-03-03T02:31:00+00:00"}');
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('token', 1772505060000001);
COMMIT;
-- what the account needs that works with it:
--   GRANT USAGE ON SCHEMA "taskkit" TO account;
--   GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "taskkit" TO account;
