//! Every refusal of the service becomes the status and the envelope that clients know.

use super::*;

fn seen(kind: Kind, code: &str, message: &str) -> (u16, String, String) {
    let error = mapped(kind, code, message);
    let envelope = error.envelope("an-id");
    assert_eq!(envelope.custom_properties.unwrap().code, code);
    let (name, assembly) = envelope.type_name.split_once(", ").unwrap();
    assert_eq!(name, format!("{assembly}.{}", envelope.type_key));
    (error.status.as_u16(), envelope.type_key, envelope.message)
}

#[test]
fn clients_find_the_types_and_numbers_they_look_for() {
    for (kind, code, status, type_key, start) in [
        (
            Kind::NotFound,
            "secure_file.not_found",
            404,
            "SecureFileNotFoundException",
            "Text",
        ),
        (
            Kind::Conflict,
            "secure_file.name_taken",
            409,
            "SecureFileExistsException",
            "Text",
        ),
        (
            Kind::NotFound,
            "project.not_found",
            404,
            "ProjectDoesNotExistWithNameException",
            "TF200016: Text",
        ),
        (
            Kind::Forbidden,
            "access.denied",
            403,
            "AccessDeniedException",
            "Text",
        ),
        (
            Kind::Forbidden,
            "content.for_jobs",
            403,
            "AccessDeniedException",
            "Text",
        ),
        (
            Kind::Unauthenticated,
            "token.invalid",
            401,
            "UnauthorizedRequestException",
            "TF400813: Text",
        ),
        (
            Kind::Forbidden,
            "ticket.invalid",
            400,
            "DownloadTicketValidationException",
            "TF15004: Text",
        ),
        (
            Kind::Invalid,
            "pipeline.invalid",
            400,
            "PipelineValidationException",
            "Text",
        ),
        (
            Kind::NotFound,
            "run.not_found",
            404,
            "BuildNotFoundException",
            "Text",
        ),
    ] {
        let (found, key, message) = seen(kind, code, "Text");
        assert_eq!((found, key.as_str()), (status, type_key), "{code}");
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn a_code_that_is_not_listed_goes_by_its_kind() {
    for (kind, status) in [
        (Kind::NotFound, 404),
        (Kind::Forbidden, 403),
        (Kind::Unauthenticated, 401),
        (Kind::Conflict, 409),
        (Kind::Invalid, 400),
        (Kind::TooLarge, 413),
        (Kind::Unavailable, 503),
        (Kind::Internal, 500),
    ] {
        assert_eq!(seen(kind, "some.new_code", "Text").0, status);
    }
}

#[test]
fn numbers_are_not_written_twice() {
    let (_, _, message) = seen(Kind::Unauthenticated, "token.invalid", "TF400813: Once.");
    assert_eq!(message, "TF400813: Once.");
}

#[test]
fn the_project_is_named_as_the_request_named_it() {
    let error = mapped(Kind::NotFound, "project.not_found", "There is none.");
    let text = error.naming_project("My Project").message;
    assert!(text.starts_with("TF200016: The following project does not exist: My Project."));
    let other = mapped(Kind::Forbidden, "access.denied", "No.");
    assert_eq!(other.naming_project("My Project").message, "No.");
}

#[test]
fn what_happens_inside_stays_inside() {
    let (_, _, message) = seen(Kind::Internal, "internal", "the disk is full");
    assert!(message.contains("an-id") && !message.contains("disk"));
}
