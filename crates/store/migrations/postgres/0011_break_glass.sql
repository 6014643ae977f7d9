-- Breaking glass: what one officer asks for, never changed; state: requested, approved, exported, withdrawn. The file may
-- be deleted meanwhile.
create table break_glass_request (
    id uuid primary key,
    project_id uuid not null references project (id),
    file_id uuid not null,
    file_name text not null,
    reason text not null,
    recipient text not null,
    requested_by uuid not null references identity (id),
    requested_at bigint not null,
    state text not null,
    until_at bigint not null,
    approved_by uuid references identity (id),
    approved_at bigint,
    approved_digest bytea,
    ended_by uuid references identity (id),
    ended_at bigint,
    check (approved_by is null or approved_by <> requested_by)
);
create index break_glass_request_requested on break_glass_request (requested_at);
