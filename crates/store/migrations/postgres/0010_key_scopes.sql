-- One hierarchy of keys. A key's scope is a project, the organization (nil), or, from before this migration, an audit
-- stream. Whatever a key of a scope wraps is in wrapped_key: files, job logs, second factors, secrets of streams.

alter table project_key drop constraint project_key_project_id_fkey;
alter table project_key rename column project_id to scope_id;
insert into project_key (id, scope_id, version, scale_unit, generation_id, state, wrapped, commitment, deployment, created_at)
    select id, '00000000-0000-0000-0000-000000000000', version, scale_unit, generation_id, state, wrapped, commitment,
            deployment, created_at
        from organization_key;
insert into project_key (id, scope_id, version, scale_unit, generation_id, state, wrapped, commitment, deployment, created_at)
    select s.id, s.id, 1, g.scale_unit, s.generation_id, 'active', s.wrapped, s.commitment, '', s.modified_at
        from audit_stream s join root_generation g on g.id = s.generation_id;

insert into wrapped_key (kind, owner_id, project_key_id, wrapped)
    select 'secondfactor', identity_id, organization_key_id, wrapped from second_factor;
insert into wrapped_key (kind, owner_id, project_key_id, wrapped)
    select 'auditstream', id, id, wrapped_key from audit_stream where wrapped_key is not null;

alter table second_factor drop column organization_key_id, drop column wrapped;
alter table audit_stream drop column generation_id, drop column wrapped, drop column commitment, drop column wrapped_key;
drop table organization_key;
drop index wrapped_key_project_key;
create index wrapped_key_project_key on wrapped_key (project_key_id, kind, owner_id);
