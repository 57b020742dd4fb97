/*
 * What keybroker-issuer and keybroker-core say to one another: JSON over HTTP
 * on inherited sockets.  The issuer pulls work, asks for the JWS of each
 * request that it sends, and reports what it read.  It never chooses a
 * payload; the core never believes more of a report than a network can know.
 *
 * POST /issuer/next {"wait": ms}
 *   -> {"task": id, "step": word, "ca": {"name", "directory", "trust" (a
 *      path) or absent, "timeout" (seconds)}, "url" (absent for the
 *      directory-based steps until known)}
 *   -> {} when nothing was due in time
 *
 * POST /issuer/jws {"task", "url", "nonce"}
 *   -> the flattened JWS, to be sent as it is.  Errors: 409 when the task is
 *      over or the url is not the one of this step.
 *
 * POST /issuer/result {"task", "outcome", ...}  -> {}
 *   "outcome"  "ok": a 2xx answer that parsed; with "facts"
 *		"problem": the CA answered an error; with "problem"
 *		"network": no answer; with "detail", and "sent": false only
 *			when it is certain that no byte of the request left
 *		"malformed": an answer that does not parse; with "detail"
 *   "status"	   HTTP status (ok, problem, malformed)
 *   "retryAfter"  seconds, already clamped to 0..86400; absent when not sent
 *   "location"	   Location header, absent when not sent
 *   "problem"	   {"type","detail","status","instance","subproblems":
 *		    [{"type","detail","identifier"}]}: strings cut to 1000
 *		    bytes, at most 20 subproblems, each member optional
 *   "detail"	   one sentence of the issuer's own
 *
 * "facts" by step (absent members were absent):
 *   directory	 {"newNonce","newAccount","newOrder","newAuthz","revokeCert",
 *		  "keyChange","renewalInfo": URLs, "termsOfService","website",
 *		  "externalAccountRequired": bool, "profiles": [names]}
 *   find-account, new-account
 *		 {"status","orders"} (location is the account URL)
 *   new-order, get-order, finalize
 *		 {"status","expires" (seconds since the epoch),"finalize",
 *		  "certificate","authorizations": [URLs],
 *		  "identifiers": [{"type","value"}],"error": problem}
 *   get-authorization
 *		 {"status","expires","identifier": {"type","value"},
 *		  "wildcard": bool,"challenges": [{"type","url","status",
 *		  "token","error": problem}]}
 *   answer-challenge
 *		 {"type","url","status","token","error"}
 *   download	 {"pem": text,"alternates": [URLs]}
 *   look	 {"kind": "order", "authorization", "challenge", "certificate"
 *		  or "other", and the facts of get-order, get-authorization,
 *		  answer-challenge, or download; "up": URL of a challenge's
 *		  authorization}
 *
 * POST /issuer/challenge {"token"} -> {"keyAuthorization"} or 404
 */
#ifndef ISSUER_PROTOCOL_H
#define ISSUER_PROTOCOL_H

#define ISSUER_STEPS(X)                                                       \
	X(DIRECTORY, "directory")                                             \
	X(FIND_ACCOUNT, "find-account")                                       \
	X(NEW_ACCOUNT, "new-account")                                         \
	X(NEW_ORDER, "new-order")                                             \
	X(GET_ORDER, "get-order")                                             \
	X(GET_AUTHORIZATION, "get-authorization")                             \
	X(ANSWER_CHALLENGE, "answer-challenge")                               \
	X(FINALIZE, "finalize")                                               \
	X(DOWNLOAD, "download")                                               \
	X(LOOK, "look")

enum issuer_step {
#define X(id, word) STEP_##id,
	ISSUER_STEPS(X)
#undef X
	STEP__MAX
};

#define ISSUER_WAIT_MS 20000 /* the longest wait of /issuer/next */
#define ISSUER_HTTP_FD 4     /* the http-01 listener, when there is one */
#define ISSUER_SANDBOX_FD 5  /* where it says once, as one byte, the enum
			      * sandbox_level that it achieved */
#define ISSUER_WORKER_FD 6   /* first of the workers' channels; PARENT_FD is
			      * the channel of the http-01 responder */

#endif
