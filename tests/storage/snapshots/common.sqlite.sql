CREATE TABLE meta_tag (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    type TEXT NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_meta_tag_code ON meta_tag (code, system, type, key);

CREATE TABLE meta_security (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    type TEXT NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_meta_security_code ON meta_security (code, system, type, key);

CREATE TABLE meta_profile (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    type TEXT NOT NULL,
    value TEXT,
    version TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_meta_profile_value ON meta_profile (substr(value, 1, 200), type, key);

CREATE TABLE meta_source (
    key INTEGER NOT NULL,
    type TEXT NOT NULL,
    value TEXT,
    PRIMARY KEY (key)
);

CREATE INDEX ix_meta_source_value ON meta_source (substr(value, 1, 200), type, key);

CREATE TABLE loose_reference (
    key INTEGER NOT NULL,
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    reference TEXT,
    version BIGINT,
    target_type TEXT,
    identifier_system TEXT,
    identifier_value TEXT,
    display TEXT,
    PRIMARY KEY (key, position)
) WITHOUT ROWID;

CREATE INDEX ix_loose_reference_reference ON loose_reference (reference, path, key) WHERE reference IS NOT NULL;

CREATE INDEX ix_loose_reference_identifier ON loose_reference (identifier_value, identifier_system, path, key) WHERE identifier_value IS NOT NULL;

CREATE TABLE contained (
    key INTEGER NOT NULL,
    position INTEGER NOT NULL,
    type TEXT NOT NULL,
    contained_type TEXT NOT NULL,
    id TEXT,
    PRIMARY KEY (key, position)
) WITHOUT ROWID;

CREATE INDEX ix_contained_type ON contained (contained_type, type, key);
