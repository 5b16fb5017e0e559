-- taskkit: a new store of version 2; apply it with: sqlite3 -bail FILE
-- a taskkit that knows version 1 or later may work on it
BEGIN IMMEDIATE;
CREATE TABLE "taskkit_jobs" ("number" INTEGER PRIMARY KEY, "id" TEXT NOT NULL, "kind" TEXT, "state" TEXT, "task" TEXT, "line" TEXT, "record" TEXT, "pool" TEXT, "via" TEXT, "host" TEXT, "planned_for" INTEGER, "due" INTEGER, "wanted" INTEGER, "created" INTEGER, "at" INTEGER, "nominal" TEXT, "fire" TEXT, "policy" TEXT, "series" TEXT, "execution" TEXT, "why" TEXT, "worker" TEXT, "node" TEXT, "error" TEXT, "account" TEXT, "cycle" INTEGER, "waits" INTEGER, "rescues" INTEGER, "revision" INTEGER, "token" INTEGER, "lease" INTEGER, "started" INTEGER, "turned_at" INTEGER, "ended" INTEGER, "version" INTEGER, "rest" TEXT, "place" TEXT, "trigger" TEXT, "phase" INTEGER, "over" INTEGER, UNIQUE ("id"));
CREATE INDEX "taskkit_jobs_due" ON "taskkit_jobs" ("pool", "due", "number") WHERE phase = 0;
CREATE INDEX "taskkit_jobs_lent" ON "taskkit_jobs" ("lease") WHERE phase = 2;
CREATE INDEX "taskkit_jobs_open" ON "taskkit_jobs" ("place") WHERE over IS NULL;
CREATE INDEX "taskkit_jobs_of_lines" ON "taskkit_jobs" ("line", "number");
CREATE INDEX "taskkit_jobs_of_records" ON "taskkit_jobs" ("record", "number") WHERE record IS NOT NULL;
CREATE INDEX "taskkit_jobs_of_series" ON "taskkit_jobs" ("series") WHERE series IS NOT NULL;
CREATE INDEX "taskkit_jobs_of_executions" ON "taskkit_jobs" ("execution", "number") WHERE execution IS NOT NULL;
CREATE INDEX "taskkit_jobs_over" ON "taskkit_jobs" ("over") WHERE over IS NOT NULL;
CREATE INDEX "taskkit_jobs_triggered" ON "taskkit_jobs" ("trigger", "number") WHERE over IS NULL;
CREATE TABLE "taskkit_fires" ("fire" TEXT NOT NULL, "ended" INTEGER, PRIMARY KEY ("fire")) WITHOUT ROWID;
CREATE INDEX "taskkit_fires_left" ON "taskkit_fires" ("ended") WHERE ended IS NOT NULL;
CREATE TABLE "taskkit_causes" ("job" TEXT NOT NULL, "place" INTEGER NOT NULL, "cause" TEXT, PRIMARY KEY ("job", "place")) WITHOUT ROWID;
CREATE TABLE "taskkit_holds" ("job" TEXT NOT NULL, "key" TEXT NOT NULL, "how" TEXT NOT NULL, "most" INTEGER, "wanted" INTEGER, "waits" INTEGER, PRIMARY KEY ("job", "key", "how")) WITHOUT ROWID;
CREATE INDEX "taskkit_holds_of_keys" ON "taskkit_holds" ("key");
CREATE INDEX "taskkit_holds_waiting" ON "taskkit_holds" ("key") WHERE waits = 1;
CREATE TABLE "taskkit_documents" ("place" TEXT NOT NULL, "id" TEXT NOT NULL, "revision" INTEGER, "body" TEXT, "family" TEXT, PRIMARY KEY ("place", "id")) WITHOUT ROWID;
CREATE INDEX "taskkit_documents_of_families" ON "taskkit_documents" ("place", "family", "id");
CREATE TABLE "taskkit_blobs" ("id" TEXT NOT NULL, "writer" TEXT, "job" TEXT, PRIMARY KEY ("id")) WITHOUT ROWID;
CREATE INDEX "taskkit_blobs_of_jobs" ON "taskkit_blobs" ("job") WHERE job IS NOT NULL;
CREATE TABLE "taskkit_pieces" ("blob" TEXT NOT NULL, "place" INTEGER NOT NULL, "piece" BLOB, PRIMARY KEY ("blob", "place")) WITHOUT ROWID;
CREATE TABLE "taskkit_chains" ("chain" TEXT NOT NULL, "position" INTEGER, "hash" TEXT, "first" INTEGER, "first_hash" TEXT, "absorbed" TEXT, "key" TEXT, PRIMARY KEY ("chain")) WITHOUT ROWID;
CREATE TABLE "taskkit_facts" ("chain" TEXT NOT NULL, "position" INTEGER NOT NULL, "at" INTEGER, "kind" TEXT, "record" TEXT, "line" TEXT, "told" TEXT, "hash" TEXT, PRIMARY KEY ("chain", "position")) WITHOUT ROWID;
CREATE INDEX "taskkit_facts_stories" ON "taskkit_facts" ("record", "line", "at");
CREATE TABLE "taskkit_inbox" ("number" INTEGER PRIMARY KEY, "id" TEXT NOT NULL, "told" TEXT, UNIQUE ("id"));
CREATE TABLE "taskkit_numbers" ("name" TEXT NOT NULL, "value" INTEGER, PRIMARY KEY ("name")) WITHOUT ROWID;
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('schema', 2);
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('schema_least', 1);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('66df1ad7e7f0-3', 'occurrence', 'completed', '66df1ad7e7f0-2', '66df1ad7e7f0-2', 'r1', 'local', NULL, NULL, 1, 1772418600000000, 1772418600000000, 1772409600000000, 1772418600, '2026-03-02T02:30 UTC', '2026-03-02T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, 'vm', NULL, NULL, 0, 0, 0, 5, NULL, NULL, 1772420400000000, 1772420400000000, 1772420400000000, 1, '{"memo":{"blob":"e56e7b7a670025f8342c86ac"},"blobs":["e56e7b7a670025f8342c86ac"]}', '66df1ad7e7f0-2
r1', '66df1ad7e7f0-2', 3, 1772420400000000);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('66df1ad7e7f0-5', 'fired', 'merged', '66df1ad7e7f0-2', '66df1ad7e7f0-2', 'r1', 'local', NULL, NULL, 1, 1772420400000000, 1772420400000000, 1772420400000000, NULL, NULL, NULL, '', NULL, NULL, 'merged', NULL, 'vm', NULL, NULL, 0, 0, 0, 3, NULL, NULL, NULL, NULL, 1772420400000000, NULL, '{"origin":["66df1ad7e7f0-2"],"into":"66df1ad7e7f0-3"}', '66df1ad7e7f0-2
r1', '66df1ad7e7f0-2', 3, 1772420400000000);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('66df1ad7e7f0-6', 'occurrence', 'running', '66df1ad7e7f0-2', '66df1ad7e7f0-2', 'r1', 'local', NULL, NULL, 1, 1772505000000000, 1772505000000000, 1772420400000000, 1772505000, '2026-03-03T02:30 UTC', '2026-03-03T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, 'vm/66df1ad7e7f0', 'vm', NULL, NULL, 0, 0, 0, 4, 1772505060000000, 1772505120000000, 1772505060000000, 1772505060000000, NULL, 1, '{"memo":{"blob":"21e91327b55785f1c1449b8f"},"blobs":["21e91327b55785f1c1449b8f"]}', '66df1ad7e7f0-2
r1', '66df1ad7e7f0-2', 2, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('66df1ad7e7f0-7', 'occurrence', 'running', '66df1ad7e7f0-2', '66df1ad7e7f0-2', 'r2', 'local', NULL, NULL, 1, 1772505000000000, 1772505000000000, 1772420400000000, 1772505000, '2026-03-03T02:30 UTC', '2026-03-03T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, 'vm/66df1ad7e7f0', 'vm', NULL, NULL, 0, 0, 0, 3, 1772505060000001, 1772505120000000, 1772505060000000, 1772505060000000, NULL, 1, NULL, '66df1ad7e7f0-2
r2', '66df1ad7e7f0-2', 2, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('66df1ad7e7f0-8', 'occurrence', 'scheduled', '66df1ad7e7f0-2', '66df1ad7e7f0-2', 'r1', 'local', NULL, NULL, 1, 1772591400000000, 1772591400000000, 1772505060000000, 1772591400, '2026-03-04T02:30 UTC', '2026-03-04T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '66df1ad7e7f0-2
r1', '66df1ad7e7f0-2', 0, NULL);
INSERT INTO "taskkit_jobs" ("id", "kind", "state", "task", "line", "record", "pool", "via", "host", "planned_for", "due", "wanted", "created", "at", "nominal", "fire", "policy", "series", "execution", "why", "worker", "node", "error", "account", "cycle", "waits", "rescues", "revision", "token", "lease", "started", "turned_at", "ended", "version", "rest", "place", "trigger", "phase", "over") VALUES ('66df1ad7e7f0-9', 'occurrence', 'scheduled', '66df1ad7e7f0-2', '66df1ad7e7f0-2', 'r2', 'local', NULL, NULL, 1, 1772591400000000, 1772591400000000, 1772505060000000, 1772591400, '2026-03-04T02:30 UTC', '2026-03-04T02:30 UTC', 'every day at 02:30, UTC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '66df1ad7e7f0-2
r2', '66df1ad7e7f0-2', 0, NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('66df1ad7e7f0-2
r1
2026-03-02T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('66df1ad7e7f0-2
r1
2026-03-03T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('66df1ad7e7f0-2
r1
2026-03-04T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('66df1ad7e7f0-2
r1
approval:a-17', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('66df1ad7e7f0-2
r2
2026-03-02T02:30 UTC', 1772420400000000);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('66df1ad7e7f0-2
r2
2026-03-03T02:30 UTC', NULL);
INSERT INTO "taskkit_fires" ("fire", "ended") VALUES ('66df1ad7e7f0-2
r2
2026-03-04T02:30 UTC', NULL);
INSERT INTO "taskkit_causes" ("job", "place", "cause") VALUES ('66df1ad7e7f0-3', 0, '["approval:a-17","checked_in","after check-in",1772420400000000,1772420400000000,"told-once",false,null,"run",null,[]]');
INSERT INTO "taskkit_holds" ("job", "key", "how", "most", "wanted", "waits") VALUES ('66df1ad7e7f0-6', 'line:66df1ad7e7f0-2/r1', 'write', NULL, 1772505000000000, 0);
INSERT INTO "taskkit_holds" ("job", "key", "how", "most", "wanted", "waits") VALUES ('66df1ad7e7f0-7', 'line:66df1ad7e7f0-2/r2', 'write', NULL, 1772505000000000, 0);
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('definition', 'report', 1, '{"kind":"report","name":"report"}', 'report');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('definition', 'type:unix', 1, '{"kind":"record_type","name":"unix","executor":null,"host":"host","port":"port","user":"user","secret":"password","key":"key","settings":{}}', 'record_type');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'notifier:inbox', 3, '{"mark":{"c584be019cc7":10}}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'outbox', 1, '{"mark":null,"reader":"66df1ad7e7f0-1"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'pasts', 1, '{"seen":20514,"gone":20514}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'purged', 1, '{"at":1772420400000000}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('mark', 'reconciled', 1, '{"at":1772420400000000}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('name', 'type:unix
name
nightly', 1, '{"task":"66df1ad7e7f0-2"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('name', 'type:unix
script
report', 1, '{"task":"66df1ad7e7f0-2"}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('task', '66df1ad7e7f0-2', 1, '{"name":"nightly","script":"report","policies":[{"kind":"daily","at":["02:30"]},{"kind":"after_check_in"}],"list":"type:unix","id":"66df1ad7e7f0-2","line":"66df1ad7e7f0-2"}', 'type:unix');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('use', 'report', 1, '{}', '');
INSERT INTO "taskkit_documents" ("place", "id", "revision", "body", "family") VALUES ('use', 'type:unix', 1, '{}', '');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('21e91327b55785f1c1449b8f', '66df1ad7e7f0-6', '66df1ad7e7f0-6');
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('c1ded80321b30e0d6415423b', '66df1ad7e7f0-6', NULL);
INSERT INTO "taskkit_blobs" ("id", "writer", "job") VALUES ('e56e7b7a670025f8342c86ac', '66df1ad7e7f0-3', '66df1ad7e7f0-3');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('21e91327b55785f1c1449b8f', 0, X'7061676573');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('c1ded80321b30e0d6415423b', 0, X'7365656E206279206E6F626F6479');
INSERT INTO "taskkit_pieces" ("blob", "place", "piece") VALUES ('e56e7b7a670025f8342c86ac', 0, X'7061676573');
INSERT INTO "taskkit_chains" ("chain", "position", "hash", "first", "first_hash", "absorbed", "key") VALUES ('c584be019cc7', 12, 'b320f3590df36669cbff409f25b93492d0ce17b348095b18b71f30c71649544c', 0, 'c584be019cc7
', '[]', NULL);
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 1, 1772409600000000, 'ChainBegan', NULL, NULL, '["ChainBegan",1772409600000000,null,null,null,null,null,{"heads":{}}]', '40236aa594fb32e45602ec3d40350e880b095784d31ff1d215f77c1c0b580039');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 10, 1772420400000000, 'JobCompleted', 'r2', '66df1ad7e7f0-2', '["JobCompleted",1772420400000000,"66df1ad7e7f0-4","66df1ad7e7f0-2","66df1ad7e7f0-2","r2",null,null]', 'c32544d1436b76fcb9e42f6f2f11fc882b275f5257db573aad3e98528552b1fc');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 11, 1772505060000000, 'JobStarted', 'r1', '66df1ad7e7f0-2', '["JobStarted",1772505060000000,"66df1ad7e7f0-6","66df1ad7e7f0-2","66df1ad7e7f0-2","r1",null,{"at":1772505000000000,"node":"vm","nominal":"2026-03-03T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772505000000000}]', '274b883c89dadda1209310f2178d5857d2ae9cb9c02cdbbb76702505eef4e352');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 12, 1772505060000000, 'JobStarted', 'r2', '66df1ad7e7f0-2', '["JobStarted",1772505060000000,"66df1ad7e7f0-7","66df1ad7e7f0-2","66df1ad7e7f0-2","r2",null,{"at":1772505000000000,"node":"vm","nominal":"2026-03-03T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772505000000000}]', 'b320f3590df36669cbff409f25b93492d0ce17b348095b18b71f30c71649544c');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 2, 1772409600000000, 'Defined', NULL, NULL, '["Defined",1772409600000000,null,null,null,null,null,{"kind":"record_type","name":"type:unix","version":1}]', 'e2eed0d06143e3dcc3f2e3dc42619395207798855a37a302b752c7cb5633d655');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 3, 1772409600000000, 'Defined', NULL, NULL, '["Defined",1772409600000000,null,null,null,null,null,{"kind":"report","name":"report","version":1}]', '3c22b6204d5807749717f5265aaee5a8f10271902fea0189b3816950c34abe09');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 4, 1772409600000000, 'TaskPut', NULL, '66df1ad7e7f0-2', '["TaskPut",1772409600000000,null,"66df1ad7e7f0-2","66df1ad7e7f0-2",null,null,{"list":"type:unix","name":"nightly"}]', '04ec7bef7eeeaf4f51ff03516c00ab2fbf2d7137ff85d5b5a5984d6bdb442717');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 5, 1772420400000000, 'JobMade', 'r1', '66df1ad7e7f0-2', '["JobMade",1772420400000000,"66df1ad7e7f0-5","66df1ad7e7f0-2","66df1ad7e7f0-2","r1",null,{"happening":"told-once","kind":"checked_in","policy":"after check-in","wanted":1772420400000000}]', 'd1f2d11774359379a5a8a586966b50d8762e90b7cf614d82ba79f21ac5ac0b7c');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 6, 1772420400000000, 'JobMerged', 'r1', '66df1ad7e7f0-2', '["JobMerged",1772420400000000,"66df1ad7e7f0-5","66df1ad7e7f0-2","66df1ad7e7f0-2","r1",null,{"into":"66df1ad7e7f0-3","node":"vm","wanted":1772420400000000}]', '8dbf81a1c13672b1641c204bce13e625d170b5bcbf23538b3d1c0823dc71fcb1');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 7, 1772420400000000, 'JobStarted', 'r1', '66df1ad7e7f0-2', '["JobStarted",1772420400000000,"66df1ad7e7f0-3","66df1ad7e7f0-2","66df1ad7e7f0-2","r1",null,{"at":1772418600000000,"node":"vm","nominal":"2026-03-02T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772418600000000}]', '5479d28eb18f7d7526c2951a5ada4ef7341f52756e47311dd389bc8cef601184');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 8, 1772420400000000, 'JobStarted', 'r2', '66df1ad7e7f0-2', '["JobStarted",1772420400000000,"66df1ad7e7f0-4","66df1ad7e7f0-2","66df1ad7e7f0-2","r2",null,{"at":1772418600000000,"node":"vm","nominal":"2026-03-02T02:30 UTC","policy":"every day at 02:30, UTC","wanted":1772418600000000}]', '99367b2166f09b3302b476efd5b6d4cc9ecb010b070ccbb5fb84212254330f91');
INSERT INTO "taskkit_facts" ("chain", "position", "at", "kind", "record", "line", "told", "hash") VALUES ('c584be019cc7', 9, 1772420400000000, 'JobCompleted', 'r1', '66df1ad7e7f0-2', '["JobCompleted",1772420400000000,"66df1ad7e7f0-3","66df1ad7e7f0-2","66df1ad7e7f0-2","r1",null,null]', 'bbb1f004776ff56843c0444883e683fad03538978a7e32c791dff61dbac00cfe');
INSERT INTO "taskkit_inbox" ("id", "told") VALUES ('784deb13fb4a65a646b474c9', '{"kind": "checked_in", "record": "r2", "id": "left", "at": "2026-03-03T02:31:00+00:00"}');
INSERT INTO "taskkit_numbers" ("name", "value") VALUES ('token', 1772505060000001);
COMMIT;
