-- Lists that stay fast: pages of files in every order, who may see what, people and pipelines by search, history by subject.

-- By holder, then by the project whose library, or whose pipelines, the entry is about.
drop index access_entry_identity;
create index access_entry_library on access_entry (identity_id, namespace_id, substr(token, 9, 36));
create index access_entry_pipelines on access_entry (identity_id, namespace_id, substr(token, 1, 36));
-- The few entries that can hide a file from somebody who sees its library.
create index access_entry_hiding on access_entry (namespace_id, token) where deny_bits <> 0 or (allow_bits & 1) = 0;

-- What a page is found by, without the rows: they hold sealed bytes.
create index secure_file_by_name on secure_file (project_id, name_key, access_token);
create index secure_file_by_modified on secure_file (project_id, modified_at, name_key, access_token);
create index secure_file_by_created on secure_file (project_id, created_at, name_key, access_token);

create index pipeline_by_name on pipeline (project_id, name_key, id);

drop index stage_resource_resource;
create index stage_resource_resource on stage_resource (resource_kind, resource_id, run_id, stage_ordinal);

drop index audit_event_resource;
create index audit_event_resource on audit_event (resource_kind, resource_id, ordinal);

-- The canonical form of the name people see. Empty until the program that knows the form has filled it in.
alter table identity add column display_key text not null default '';
create index identity_unnamed on identity (id) where display_key = '';
