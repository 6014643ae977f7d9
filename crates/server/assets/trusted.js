// The one Trusted Types policy. Runs before every other script.
//
// htmx turns answers of this server into elements and needs `createHTML` for it. Scripts and addresses of scripts have no
// policy here, so the browser refuses them whoever asks. The markup is the server's own: every text in it was escaped
// there, and the content security policy keeps handlers and foreign scripts from running whatever happens.
"use strict";
if (window.trustedTypes && window.trustedTypes.createPolicy) {
  window.trustedTypes.createPolicy("default", { createHTML: (markup) => markup });
}
