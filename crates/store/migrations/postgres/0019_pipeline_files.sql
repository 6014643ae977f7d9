-- Template files that are kept beside the text of a pipeline. A revision is whole: each has its own.
create table pipeline_file (
    pipeline_id bigint not null,
    revision bigint not null,
    path text not null,
    content text not null,
    primary key (pipeline_id, revision, path),
    foreign key (pipeline_id, revision) references pipeline_revision (pipeline_id, revision)
);
