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
CREATE TABLE "taskkit_facts" ("chain" text COLLATE "C" NOT NULL, "position" bigint NOT NULL, "at" bigint, "kind" text COLLATE "C", "record" text COLLATE "C", "line" text COLLATE "C", "told" text COLLATE "C", "hash" text COLLATE "C", PRIMARY KEY ("chain", "position"));
CREATE INDEX "taskkit_facts_stories" ON "taskkit_facts" ("record", "line", "at");
CREATE TABLE "taskkit_inbox" ("number" bigint GENERATED ALWAYS AS IDENTITY, "id" text COLLATE "C" NOT NULL, "told" text COLLATE "C", UNIQUE ("id"));
CREATE TABLE "taskkit_numbers" ("name" text COLLATE "C" NOT NULL, "value" bigint, PRIMARY KEY ("name"));
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('schema', 1);
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('schema_least', 1);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('14dbe6eb4253-2', 'occurrence', 'completed', '14dbe6eb4253-1', '14dbe6eb4253-1', 'r1', 'local', NULL, NULL, 1, 1772418600000000, 1772418600000000, 1772409600000000, 1772418600, '2026-03-02T02:30 UTC', '2026-03-02T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, 'vm', NULL, NULL, 0, 0, 0, 5, NULL, NULL, 1772420400000000, 1772420400000000, 1772420400000000, 1, '{"memo":{"blob":"89598bc2d42c69a42b726d43"},"blobs":["89598bc2d42c69a42b726d43"]}', '14dbe6eb4253-1
r1', '14dbe6eb4253-1', 3, 1772420400000000);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('14dbe6eb4253-4', 'fired', 'merged', '14dbe6eb4253-1', '14dbe6eb4253-1', 'r1', 'local', NULL, NULL, 1, 1772420400000000, 1772420400000000, 1772420400000000, NULL, NULL, NULL, '', NULL, NULL, 'merged', NULL, 'vm', NULL, NULL, 0, 0, 0, 3, NULL, NULL, NULL, NULL, 1772420400000000, NULL, '{"origin":["14dbe6eb4253-1"],"into":"14dbe6eb4253-2"}', '14dbe6eb4253-1
r1', '14dbe6eb4253-1', 3, 1772420400000000);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('14dbe6eb4253-5', 'occurrence', 'running', '14dbe6eb4253-1', '14dbe6eb4253-1', 'r1', 'local', NULL, NULL, 1, 1772505000000000, 1772505000000000, 1772420400000000, 1772505000, '2026-03-03T02:30 UTC', '2026-03-03T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, 'vm/14dbe6eb4253', 'vm', NULL, NULL, 0, 0, 0, 4, 1772505060000000, 1772505120000000, 1772505060000000, 1772505060000000, NULL, 1, '{"memo":{"blob":"36e488e6006f5773c65ae088"},"blobs":["36e488e6006f5773c65ae088"]}', '14dbe6eb4253-1
r1', '14dbe6eb4253-1', 2, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('14dbe6eb4253-6', 'occurrence', 'running', '14dbe6eb4253-1', '14dbe6eb4253-1', 'r2', 'local', NULL, NULL, 1, 1772505000000000, 1772505000000000, 1772420400000000, 1772505000, '2026-03-03T02:30 UTC', '2026-03-03T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, 'vm/14dbe6eb4253', 'vm', NULL, NULL, 0, 0, 0, 3, 1772505060000001, 1772505120000000, 1772505060000000, 1772505060000000, NULL, 1, NULL, '14dbe6eb4253-1
r2', '14dbe6eb4253-1', 2, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('14dbe6eb4253-7', 'occurrence', 'scheduled', '14dbe6eb4253-1', '14dbe6eb4253-1', 'r1', 'local', NULL, NULL, 1, 1772591400000000, 1772591400000000, 1772505060000000, 1772591400, '2026-03-04T02:30 UTC', '2026-03-04T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '14dbe6eb4253-1
r1', '14dbe6eb4253-1', 0, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('14dbe6eb4253-8', 'occurrence', 'scheduled', '14dbe6eb4253-1', '14dbe6eb4253-1', 'r2', 'local', NULL, NULL, 1, 1772591400000000, 1772591400000000, 1772505060000000, 1772591400, '2026-03-04T02:30 UTC', '2026-03-04T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '14dbe6eb4253-1
r2', '14dbe6eb4253-1', 0, NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('14dbe6eb4253-1
r1
2026-03-02T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('14dbe6eb4253-1
r1
2026-03-03T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('14dbe6eb4253-1
r1
2026-03-04T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('14dbe6eb4253-1
r1
approval:a-17', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('14dbe6eb4253-1
r2
2026-03-02T02:30 UTC', 1772420400000000);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('14dbe6eb4253-1
r2
2026-03-03T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('14dbe6eb4253-1
r2
2026-03-04T02:30 UTC', NULL);
INSERT INTO "taskkit_causes" ("job", "place", "cause") VALUES ('14dbe6eb4253-2', 0, '["approval:a-17","checked_in","after check-in",1772420400000000,1772420400000000,"told-once",false,null,"run",null,[]]');
INSERT INTO "taskkit_holds" ("job", "key", "how", "most", "wanted", "waits") VALUES ('14dbe6eb4253-5', 'line:14dbe6eb4253-1/r1', 'write', NULL, 1772505000000000, 0);
INSERT INTO "taskkit_holds" ("job", "key", "how", "most", "wanted", "waits") VALUES ('14dbe6eb4253-6', 'line:14dbe6eb4253-1/r2', 'write', NULL, 1772505000000000, 0);
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('definition', 'report', 1, '{"kind":"report","name":"report"}', 'report');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('definition', 'type:unix', 1, '{"kind":"record_type","name":"unix","executor":null,"host":"host","port":"port","user":"user","secret":"password","key":"key","settings":{}}', 'record_type');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'notifier:inbox', 3, '{"mark":{"8e598a913f82":10}}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'pasts', 1, '{"seen":20514,"gone":20514}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'purged', 1, '{"at":1772420400000000}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'reconciled', 1, '{"at":1772420400000000}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('name', 'type:unix
name
nightly', 1, '{"task":"14dbe6eb4253-1"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('name', 'type:unix
script
report', 1, '{"task":"14dbe6eb4253-1"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('task', '14dbe6eb4253-1', 1, '{"name":"nightly","script":"report","policies":[{"kind":"daily","at":["02:30"]},{"kind":"after_check_in"}],"list":"type:unix","id":"14dbe6eb4253-1","line":"14dbe6eb4253-1"}', 'type:unix');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('use', 'report', 1, '{}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('use', 'type:unix', 1, '{}', '');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('36e488e6006f5773c65ae088', '14dbe6eb4253-5', '14dbe6eb4253-5');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('89598bc2d42c69a42b726d43', '14dbe6eb4253-2', '14dbe6eb4253-2');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('eb4f0036d674a5d093306afe', '14dbe6eb4253-5', NULL);
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('36e488e6006f5773c65ae088', 0, '\x7061676573');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('89598bc2d42c69a42b726d43', 0, '\x7061676573');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('eb4f0036d674a5d093306afe', 0, '\x7365656E206279206E6F626F6479');
INSERT INTO "taskkit_chains" ("chain", "position", "hash", "first", "first_hash", "absorbed", "key") VALUES ('8e598a913f82', 12, 'd7c583f30fb7df56ad3fdf88a248ac99f8f6d7d1b8612e4808a623157ddb23b4', 0, '8e598a913f82
', '[]', NULL);
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 1, 1772409600000000, 'ChainBegan', NULL, NULL, '["ChainBegan",1772409600000000,null,null,null,null,null,{"heads":{}}]', '01dce3fdbf3e1abf1d5fb8abc32ccea843c6be644be6ab59d8167e0885f8c356');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 10, 1772420400000000, 'JobCompleted', 'r2', '14dbe6eb4253-1', '["JobCompleted",1772420400000000,"14dbe6eb4253-3","14dbe6eb4253-1","14dbe6eb4253-1","r2",null,null]', '88768e4f039e557166c3eb34a53e6d570f39800bd97f7603240d27a81a4d319d');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 11, 1772505060000000, 'JobStarted', 'r1', '14dbe6eb4253-1', '["JobStarted",1772505060000000,"14dbe6eb4253-5","14dbe6eb4253-1","14dbe6eb4253-1","r1",null,{"at":1772505000000000,"node":"vm","nominal":"2026-03-03T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772505000000000}]', '1af5cd58b6d6368424d631dd200f61d0b8e93637eb87e61e939f0740815a5440');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 12, 1772505060000000, 'JobStarted', 'r2', '14dbe6eb4253-1', '["JobStarted",1772505060000000,"14dbe6eb4253-6","14dbe6eb4253-1","14dbe6eb4253-1","r2",null,{"at":1772505000000000,"node":"vm","nominal":"2026-03-03T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772505000000000}]', 'd7c583f30fb7df56ad3fdf88a248ac99f8f6d7d1b8612e4808a623157ddb23b4');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 2, 1772409600000000, 'Defined', NULL, NULL, '["Defined",1772409600000000,null,null,null,null,null,{"kind":"record_type","name":"type:unix","version":1}]', '89138648bcf3a4c20325ce13f21469c8f5aee15c4628970c0605d337f9f92057');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 3, 1772409600000000, 'Defined', NULL, NULL, '["Defined",1772409600000000,null,null,null,null,null,{"kind":"report","name":"report","version":1}]', 'c7b8a36dfdbf0592b724e4b3b87140a191c928b1519deecb09892398fe9aa34e');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 4, 1772409600000000, 'TaskPut', NULL, '14dbe6eb4253-1', '["TaskPut",1772409600000000,null,"14dbe6eb4253-1","14dbe6eb4253-1",null,null,{"list":"type:unix","name":"nightly"}]', 'f03518e7346aa9b07f68777896dab5e86298ee8d7d3423938fd130f5c4312f17');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 5, 1772420400000000, 'JobMade', 'r1', '14dbe6eb4253-1', '["JobMade",1772420400000000,"14dbe6eb4253-4","14dbe6eb4253-1","14dbe6eb4253-1","r1",null,{"happening":"told-once","kind":"checked_in","policy":"after check-in","wanted":1772420400000000}]', '5e3b85eeae2f1b363e6dc74d1a122197c93e1e12cb3587a3051740a35ea2426e');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 6, 1772420400000000, 'JobMerged', 'r1', '14dbe6eb4253-1', '["JobMerged",1772420400000000,"14dbe6eb4253-4","14dbe6eb4253-1","14dbe6eb4253-1","r1",null,{"into":"14dbe6eb4253-2"}]', 'c81ad504482088ae49d7d0e04118572d073fbf2505dc8a37b674d1eb6927b6ba');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 7, 1772420400000000, 'JobStarted', 'r1', '14dbe6eb4253-1', '["JobStarted",1772420400000000,"14dbe6eb4253-2","14dbe6eb4253-1","14dbe6eb4253-1","r1",null,{"at":1772418600000000,"node":"vm","nominal":"2026-03-02T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772418600000000}]', 'f6cc5bccb9c9298be8cde94173483bcc0d66162882846fb475362a23d95bc7ba');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 8, 1772420400000000, 'JobStarted', 'r2', '14dbe6eb4253-1', '["JobStarted",1772420400000000,"14dbe6eb4253-3","14dbe6eb4253-1","14dbe6eb4253-1","r2",null,{"at":1772418600000000,"node":"vm","nominal":"2026-03-02T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772418600000000}]', '7d555ea0952120ffd784a5f42de63ac1ea0c436db836e94ad7eb8d308bdafd9c');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('8e598a913f82', 9, 1772420400000000, 'JobCompleted', 'r1', '14dbe6eb4253-1', '["JobCompleted",1772420400000000,"14dbe6eb4253-2","14dbe6eb4253-1","14dbe6eb4253-1","r1",null,null]', '544da1e7c7b6e35becb6782f63d5457d661f52ea69eddc90925061f465ef70cd');
INSERT INTO "taskkit_inbox" ("id", "told") VALUES ('1d9a66759108131256d63e9b', '{"kind": "checked_in", "record": "r2", "id": "left", "at": "2026-03-03T02:31:00+00:00"}');
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('token', 1772505060000001);
COMMIT;
-- what the account needs that works with it:
--   GRANT USAGE ON SCHEMA "taskkit" TO account;
--   GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "taskkit" TO account;
