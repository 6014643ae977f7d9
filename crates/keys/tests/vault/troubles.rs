//! A vault that is killed, sealed, slow, or somebody else.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_killed_in_the_middle_of_calls_is_a_passing_trouble() {
    if !OpenBao::is_there("vault::killed") {
        return;
    }
    let mut world = world().await;
    let kept = secret();
    let context = context();
    let wrapped = world
        .provider
        .wrap(&world.generation, &kept, &context)
        .await
        .unwrap();
    let daily = Arc::new(provider(&settings(
        world.bao.url(),
        app_role(&world.bao, "coffer-daily").await,
        None,
    )));
    let (done, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let (daily, generation, wrapped) =
                (daily.clone(), world.generation.clone(), wrapped.clone());
            let (done, failed, stop) = (done.clone(), failed.clone(), stop.clone());
            let (context, expected) = (context.clone(), *kept.as_bytes());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let fresh = secret();
                    let called = match daily.wrap(&generation, &fresh, &context).await {
                        Ok(_) => daily.unwrap(&generation, &wrapped, &context).await,
                        Err(error) => Err(error),
                    };
                    match called {
                        Ok(opened) => {
                            assert_eq!(opened.as_bytes(), &expected, "a wrong answer");
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => {
                            assert!(error.is_passing(), "a lasting error: {error}");
                            failed.fetch_add(1, Ordering::SeqCst);
                            tokio::task::yield_now().await;
                        }
                    }
                }
            })
        })
        .collect();
    let more = async |count: &AtomicUsize| {
        let now = count.load(Ordering::SeqCst);
        eventually("more calls end so", || async {
            count.load(Ordering::SeqCst) > now + 6
        })
        .await;
    };
    more(&done).await;
    world.bao.kill();
    more(&failed).await;
    world.bao.start_again().await; // sealed
    more(&failed).await;
    let sealed = daily.newest_generation("prod").await.unwrap_err();
    assert!(
        sealed.is_passing() && sealed.to_string().contains("sealed"),
        "{sealed}"
    );
    world.bao.unseal().await;
    more(&done).await;
    world.bao.seal().await;
    more(&failed).await;
    world.bao.unseal().await;
    more(&done).await;
    stop.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_trouble_is_told_for_what_it_is() {
    if !OpenBao::is_there("vault::troubles") {
        return;
    }
    let mut world = world().await;
    let wrapped = world.wrap().await.unwrap();
    for trouble in [
        Trouble::Refuses,
        Trouble::Cuts,
        Trouble::answers(500),
        Trouble::answers(503),
    ] {
        world.proxy.trouble(trouble.clone()).await;
        let error = world.unwrap(&wrapped).await.err().unwrap();
        assert!(
            matches!(error, KeyError::Unavailable { .. }),
            "{trouble:?}: {error}"
        );
    }
    world.proxy.trouble(Trouble::throttles(7)).await;
    let error = world.unwrap(&wrapped).await.err().unwrap();
    let wanted = Duration::from_secs(7);
    assert!(
        matches!(error, KeyError::Throttled { retry_after } if retry_after == wanted),
        "{error}"
    );
    world
        .proxy
        .trouble(Trouble::Slow(Duration::from_millis(20)))
        .await;
    world.unwrap(&wrapped).await.unwrap();
    world.proxy.end_trouble().await;
    world.unwrap(&wrapped).await.unwrap();

    world.proxy.trouble(Trouble::Hangs).await;
    let impatient = Settings {
        deadline: Duration::from_millis(200),
        ..settings(
            &world.proxy.url(),
            token(&world.bao, "coffer-daily").await,
            None,
        )
    };
    let error = provider(&impatient)
        .newest_generation("prod")
        .await
        .unwrap_err();
    assert!(
        error.is_passing() && error.to_string().contains("in time"),
        "{error}"
    );

    // What is no vault is no vault.
    let page = Trouble::Answers {
        status: http::StatusCode::OK,
        headers: vec![],
        body: "<html>".into(),
    };
    world.proxy.trouble(page).await;
    let error = world.unwrap(&wrapped).await.err().unwrap();
    assert!(error.to_string().contains("check the address"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_carried_to_the_configured_address_only() {
    if !OpenBao::is_there("vault::redirect") {
        return;
    }
    let mut world = world().await;
    let elsewhere = FaultProxy::http(world.bao.address()).await;
    let wrapped = world.wrap().await.unwrap();
    for status in [301, 302, 307, 308] {
        world
            .proxy
            .trouble(Trouble::Answers {
                status: http::StatusCode::from_u16(status).unwrap(),
                headers: vec![("location", format!("{}/v1/sys/health", elsewhere.url()))],
                body: String::new(),
            })
            .await;
        assert!(world.unwrap(&wrapped).await.is_err());
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_authority_is_believed_when_it_is_named() {
    if !OpenBao::is_there("vault::tls") {
        return;
    }
    let authority = Authority::new();
    let bao = OpenBao::start_tls(&authority).await;
    set_up(&bao).await;
    let daily = token(&bao, "coffer-daily").await;
    let with = |ca_file| Settings {
        ca_file,
        ..settings(bao.url(), daily.clone(), None)
    };
    provider(&with(Some(bao.ca_file())))
        .newest_generation("prod")
        .await
        .unwrap();
    let other = bao.file("other.pem", Authority::new().pem());
    for unknown in [None, Some(other)] {
        let error = provider(&with(unknown))
            .newest_generation("prod")
            .await
            .unwrap_err();
        assert!(
            error.is_passing() && error.to_string().contains("certificate"),
            "{error}"
        );
    }
    let nothing = connect(&with(Some(bao.file("empty.pem", ""))), Arc::new(os_entropy));
    assert!(nothing.is_err());
}
