-- Secure files that a variable may name: known only when a job is handed out.

-- 1: the pipeline may name the file by a variable too.
alter table pipeline_permission add column by_variable integer not null default 0;

-- 1: a variable may name the file. The job is given it only if the variable does, and the row is then 0.
alter table job_file add column deferred integer not null default 0;
