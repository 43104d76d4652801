-- Which document teaches that short stands for long; weight: how sure that is (text.learning).
CREATE TABLE search_learnt (
  number BIGINT NOT NULL,
  short TEXT NOT NULL,
  long TEXT NOT NULL,
  weight INTEGER NOT NULL,
  PRIMARY KEY (number, short, long)
);
CREATE INDEX search_learnt_short ON search_learnt (short, long);

-- By which doors it was searched for in vain (history.doors); before, there was only the page.
ALTER TABLE search_asked ADD COLUMN doors INTEGER NOT NULL DEFAULT 1;
