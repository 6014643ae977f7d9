-- Where a run comes from, what is frozen, and how long a stage may wait.

-- source: stored, repository, fork, unknown. Text stored with the definition has no ref.
alter table run add column source text not null default 'stored';
alter table run add column source_repository text;
alter table run add column source_ref text;
alter table run add column source_commit text;

-- The ref that our own API proposes for a permit. Null for text stored with the definition.
alter table pipeline add column default_ref text;

-- When the stage began to wait; null before this migration. skipped_at: it waited too long.
alter table stage add column waiting_since bigint;
alter table stage add column skipped_at bigint;

-- target_kind: everything, project, file. target_id is the organization, the project or the file.
create table content_freeze (
    target_kind text not null,
    target_id uuid not null,
    reason text not null,
    frozen_by uuid not null references identity (id),
    frozen_at bigint not null,
    primary key (target_kind, target_id)
);
