//! Which pipelines may use a resource.

use super::examples::{FILE, permissions};
use super::operation::{Group, Parameter, get, patch};
use coffer_wire::paths::{authorized_resources as older, permissions as at};
use coffer_wire::permissions::{DefinitionResource, ResourcePipelinePermissions};
use serde_json::{Value, json};

const CHANGES: &str = "Permitting and revoking pipelines: Users and Administrators of the file. Open access: its Administrators. A job never.";

fn definition_resource() -> Value {
    json!({ "type": "securefile", "id": FILE, "name": "signing.p12", "authorized": true })
}

fn wanted() -> Value {
    json!({ "type": "securefile", "id": FILE, "authorized": true })
}

pub(super) fn group() -> Group {
    Group {
        name: "Pipeline permissions",
        about: "Which pipelines may use a secure file. No pipeline may until somebody says so, and nothing in YAML says it. \
                The two older `build` calls show and change the same state.",
        operations: vec![
            patch(at::COLLECTION, "updatePipelinePermissionsForResources", "Changes the permissions of several resources")
                .about("All or nothing. Each element names its `resource` by type and id, and only what it names changes.")
                .who(CHANGES)
                .takes::<Vec<ResourcePipelinePermissions>>(json!([{
                    "resource": { "type": "securefile", "id": FILE },
                    "pipelines": [{ "id": 12, "authorized": true }],
                }]))
                .gives_list::<ResourcePipelinePermissions>("The permissions as they are now, in the order of the request.", json!([permissions()]))
                .refuses(["secure_file.not_found", "pipeline.not_found", "organization.open_access_off", "not_supported"]),
            get(at::ITEM, "getPipelinePermissionsForResource", "Reads which pipelines may use a resource")
                .about("`pipelines` lists those that are permitted one by one; `allPipelines` is absent unless the resource is open to every pipeline of the project.")
                .who("Whoever may see the file.")
                .gives::<ResourcePipelinePermissions>("The permissions.", permissions())
                .refuses(["not_supported"]),
            patch(at::ITEM, "updatePipelinePermissionsForResource", "Changes which pipelines may use a resource")
                .about("Only what the body names changes: `{\"pipelines\":[{\"id\":12,\"authorized\":true}]}` permits one pipeline, `false` revokes it, \
                        and `{\"allPipelines\":{\"authorized\":true}}` opens the resource to all. Runs that wait for the permission go on at once.\n\n\
                        Coffer's own: `refs` of a pipeline narrows the permit to these refs; absent means all.")
                .who(CHANGES)
                .takes::<ResourcePipelinePermissions>(json!({ "pipelines": [{ "id": 12, "authorized": true }] }))
                .gives::<ResourcePipelinePermissions>("The permissions as they are now.", permissions())
                .refuses(["pipeline.not_found", "organization.open_access_off", "not_supported"]),
            get(older::OPEN, "listAuthorizedResources", "Lists what is open to every pipeline of the project")
                .who("Whoever may see the project; the list holds what they may see.")
                .query([
                    Parameter::text("type", "Only resources of this type.").example("securefile"),
                    Parameter::text("id", "Only this resource."),
                ])
                .gives_list::<DefinitionResource>("The open resources.", json!([definition_resource()])),
            patch(older::OPEN, "updateAuthorizedResources", "Opens resources to every pipeline, or restricts them")
                .about("All or nothing; each element says `authorized`.")
                .who("Administrators of each of the files.")
                .takes::<Vec<DefinitionResource>>(json!([wanted()]))
                .gives_list::<DefinitionResource>("What is open now.", json!([definition_resource()]))
                .refuses(["secure_file.not_found", "organization.open_access_off", "not_supported"]),
            get(older::OF_DEFINITION, "listDefinitionResources", "Lists what a pipeline is permitted to use")
                .who("Whoever may see the pipeline; the list holds what they may see.")
                .gives_list::<DefinitionResource>("The permitted resources.", json!([definition_resource()])),
            patch(older::OF_DEFINITION, "updateDefinitionResources", "Permits a pipeline to use resources, or revokes it")
                .about("All or nothing; each element says `authorized`. A permit is for all refs.")
                .who("Users and Administrators of each of the files.")
                .takes::<Vec<DefinitionResource>>(json!([wanted()]))
                .gives_list::<DefinitionResource>("What the pipeline is permitted to use now.", json!([definition_resource()]))
                .refuses(["secure_file.not_found", "not_supported"]),
        ],
    }
}
