-- Signing in: browser sessions, passwords, the second factor, lock-outs, and what tokens are good for.

-- Sessions, as SHA-256 only: of the cookie that reads, and of the one that every write needs besides.
create table session (
    id uuid primary key,
    hash bytea not null unique,
    write_hash bytea not null,
    identity_id uuid not null references identity (id),
    method text not null,
    address text not null,
    created_at bigint not null,
    signed_in_at bigint not null,
    seen_at bigint not null,
    expires_at bigint not null,
    ended_at bigint
);
create index session_identity on session (identity_id);

-- Argon2id, with its parameters.
create table password (
    identity_id uuid primary key references identity (id),
    hash text not null,
    changed_at bigint not null
);

-- One-time codes by which people set their password, as SHA-256 only. One for a person.
create table password_code (
    identity_id uuid primary key references identity (id),
    hash bytea not null unique,
    created_at bigint not null,
    expires_at bigint not null
);

-- The key of what belongs to the organization and to no project. state: active, draining, retired.
create table organization_key (
    id uuid primary key,
    version bigint not null unique,
    scale_unit text not null,
    generation_id text not null references root_generation (id),
    state text not null,
    wrapped bytea not null,
    commitment bytea not null,
    deployment text not null,
    created_at bigint not null
);

-- Secrets of authenticator apps, sealed. confirmed_at is null until the first code was shown. A code of last_step or
-- before is not good any more.
create table second_factor (
    identity_id uuid primary key references identity (id),
    organization_key_id uuid not null references organization_key (id),
    wrapped bytea not null,
    sealed bytea not null,
    created_at bigint not null,
    confirmed_at bigint,
    last_step bigint not null
);

-- Codes for when the device is lost, as SHA-256 only. Each is good once.
create table recovery_code (
    hash bytea primary key,
    identity_id uuid not null references identity (id),
    created_at bigint not null
);
create index recovery_code_identity on recovery_code (identity_id);

-- Failed sign-ins. principal is SHA-256 of the canonical name, so that a name nobody has is counted the same way.
-- An empty address counts those from everywhere.
create table sign_in_failure (
    principal bytea not null,
    address text not null,
    failures bigint not null,
    first_at bigint not null,
    locked_until bigint not null,
    primary key (principal, address)
);

-- From where somebody signed in lately: a lock-out by others does not count there.
create table sign_in_place (
    principal bytea not null,
    address text not null,
    seen_at bigint not null,
    primary key (principal, address)
);

alter table credential add column scopes text not null default 'app_token';
alter table credential add column last_used_at bigint;
alter table credential add column last_used_address text;
