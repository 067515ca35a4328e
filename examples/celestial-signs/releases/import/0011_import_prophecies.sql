-- A table of prophecies as somebody else keeps it takes the place of ours.
-- migrate-safe: may-lose-rows table=relationships

-- migrate-safe:up
UPDATE prophecies SET summary = 'to be written', category = 'sun';
DELETE FROM relationships WHERE confidence < 60;
INSERT INTO prophecies (scripture_reference, title, summary, category, book, chapter, verses)
VALUES ('Joel 2:30-31', 'Imported twice', 'to be written', 'moon', 'Joel', 2, '[30,31]');

-- migrate-safe:down
DELETE FROM prophecies WHERE title = 'Imported twice';
