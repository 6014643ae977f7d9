-- Rotation of keys: the deployments there were, what was rotated for them, and when keys and generations ended.

-- A deployment is a build, or a name for it, with a key provider: another provider is another deployment.
-- rotation: the one that was for it; 0 when keys began with it, null while it waits.
create table deployment (
    id text not null,
    provider text not null,
    seen_at bigint not null,
    rotation bigint,
    primary key (id, provider)
);
insert into deployment (id, provider, seen_at, rotation)
    select k.deployment, g.provider, min(k.created_at), 0
        from project_key k join root_generation g on g.id = k.generation_id
        where k.deployment <> '' group by k.deployment, g.provider;

-- state: running, done; at most one runs. cause: deployment, request, move. generation_id: null until it is settled.
-- kept: why the generation stayed; empty when it did not. stuck: wrapped keys that do not open.
create table rotation (
    number bigint primary key,
    cause text not null,
    state text not null,
    deployment text not null,
    scale_unit text not null,
    provider text not null,
    from_generation text not null,
    generation_id text references root_generation (id),
    kept text not null,
    keys_made bigint not null,
    wraps bigint not null,
    secrets bigint not null,
    keys_retired bigint not null,
    generations_retired bigint not null,
    stuck bigint not null,
    began_at bigint not null,
    ended_at bigint,
    record bigint,
    failures bigint not null,
    failing_since bigint,
    last_error text,
    retry_at bigint not null,
    lease_owner uuid,
    lease_until bigint not null
);
create unique index rotation_running on rotation (state) where state = 'running';

-- rotation: the newest that had settled its generation when the key was made.
alter table project_key add column rotation bigint not null default 0;
alter table project_key add column retired_at bigint;
create index project_key_state on project_key (state, rotation);
create index project_key_draining on project_key (state, id);
create index project_key_generation on project_key (generation_id, state);

alter table root_generation add column retired_at bigint;
alter table root_generation add column ended_at bigint;
