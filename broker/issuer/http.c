#include "http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"

#ifndef VERSION
#define VERSION "development"
#endif

#define CONNECT_TIMEOUT 10 /* seconds, within the request's own timeout */
#define IDLE_MAX	30 /* seconds that an unused connection is kept */

/* An option that the library does not know must stop us, not weaken us. */
#define SET(easy, option, value)                                              \
	do {                                                                  \
		if (curl_easy_setopt(easy, option, value) != CURLE_OK)        \
			fatal("libcurl does not take " #option);              \
	} while (0)

struct http {
	CURL *easy;
	char error[CURL_ERROR_SIZE];
	struct http_answer *answer; /* of the exchange that runs */
	const struct http_request *request;
	bool too_long;
};

void
http_start(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		fatal("cannot initialise libcurl");
}

/* In a folder of roots are links, on Debian to these two. */
size_t
http_trust(struct sandbox_path out[static HTTP_TRUST_MAX])
{
	const curl_version_info_data *build =
	    curl_version_info(CURLVERSION_NOW);
	const char *const paths[HTTP_TRUST_MAX] = {
		"/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates",
		build->cainfo, build->capath };
	size_t n = 0;

	for (size_t i = 0; i < nitems(paths); i++)
		if (paths[i] != NULL)
			out[n++] = (struct sandbox_path){ paths[i],
				SANDBOX_READ };
	return n;
}

struct http *
http_new(void)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->easy = curl_easy_init();
	if (h->easy == NULL)
		fatal("cannot make a libcurl handle");
	return h;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->easy);
	free(h);
}

void
http_answer_init(struct http_answer *a)
{
	*a = (struct http_answer){ .status = 0 };
	headers_init(&a->headers);
	buf_init(&a->body, HTTP_BODY_MAX);
}

void
http_answer_free(struct http_answer *a)
{
	headers_free(&a->headers);
	buf_free(&a->body);
}

static size_t
on_body(char *p, size_t size, size_t count, void *arg)
{
	struct http *h = arg;

	buf_put(&h->answer->body, p, size * count);
	if (!h->answer->body.failed)
		return size * count;
	h->too_long = true;
	return 0;
}

static size_t
on_header(char *p, size_t size, size_t count, void *arg)
{
	struct http *h = arg;

	if (headers_line(&h->answer->headers, p, size * count, clock_now()))
		return size * count;
	h->too_long = true;
	return 0;
}

/*
 * Called when the connection stands and the request is about to leave: until
 * then it is certain that nothing was sent.  A second call within one
 * exchange is libcurl trying again on a new connection, which a signed
 * request must not do: its nonce may be used up.
 */
static int
on_ready(void *arg, char *remote, char *local, int remote_port,
    int local_port)
{
	struct http *h = arg;

	(void)remote;
	(void)local;
	(void)remote_port;
	(void)local_port;
	if (h->answer->sent && h->request->method == HTTP_POST)
		return CURL_PREREQFUNC_ABORT;
	h->answer->sent = true;
	return CURL_PREREQFUNC_OK;
}

/* Where the request may go and whom we believe. */
static void
set_connection(struct http *h)
{
	const struct http_request *r = h->request;
	long timeout = (long)r->timeout;

	SET(h->easy, CURLOPT_NOSIGNAL, 1L);
	SET(h->easy, CURLOPT_PROTOCOLS_STR, "https");
	SET(h->easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	SET(h->easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(h->easy, CURLOPT_PROXY, "");
	SET(h->easy, CURLOPT_NOPROXY, "*");
	SET(h->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(h->easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(h->easy, CURLOPT_PATH_AS_IS, 1L);
	SET(h->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(h->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(h->easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(h->easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (r->trust != NULL) {
		SET(h->easy, CURLOPT_CAINFO, r->trust);
		SET(h->easy, CURLOPT_CAPATH, NULL);
	}
	SET(h->easy, CURLOPT_TIMEOUT, timeout);
	SET(h->easy, CURLOPT_CONNECTTIMEOUT,
	    timeout < CONNECT_TIMEOUT ? timeout : CONNECT_TIMEOUT);
	SET(h->easy, CURLOPT_MAXAGE_CONN, (long)IDLE_MAX);
}

static void
set_callbacks(struct http *h)
{
	SET(h->easy, CURLOPT_ERRORBUFFER, h->error);
	SET(h->easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(h->easy, CURLOPT_WRITEDATA, h);
	SET(h->easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(h->easy, CURLOPT_HEADERDATA, h);
	SET(h->easy, CURLOPT_PREREQFUNCTION, on_ready);
	SET(h->easy, CURLOPT_PREREQDATA, h);
}

static struct curl_slist *
add_field(struct curl_slist *fields, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);
	struct curl_slist *more = curl_slist_append(fields, line);

	if (more == NULL)
		fatal("out of memory");
	free(line);
	return more;
}

/* What is asked.  The list of fields is owned by the caller, and needed until
 * the exchange is over. */
static struct curl_slist *
set_request(struct http *h)
{
	const struct http_request *r = h->request;
	struct curl_slist *fields = NULL;

	SET(h->easy, CURLOPT_URL, r->url);
	SET(h->easy, CURLOPT_USERAGENT, "keybroker/" VERSION);
	fields = add_field(fields, "Accept", r->accept);
	fields = add_field(fields, "Accept-Language", "en");
	switch (r->method) {
	case HTTP_GET:
	case HTTP_HEAD:
		fields = add_field(fields, "Cache-Control", "no-cache");
		SET(h->easy, CURLOPT_NOBODY, r->method == HTTP_HEAD ? 1L : 0L);
		break;
	case HTTP_POST:
		fields = add_field(fields, "Content-Type",
		    "application/jose+json");
		fields = add_field(fields, "Expect", "");
		SET(h->easy, CURLOPT_POST, 1L);
		SET(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n);
		SET(h->easy, CURLOPT_POSTFIELDS, r->body);
		break;
	}
	SET(h->easy, CURLOPT_HTTPHEADER, fields);
	return fields;
}

/* The URL is the CA's own, and was checked to be printable. */
static enum err
explain(const struct http *h, CURLcode code, struct fault *why)
{
	const char *words = h->error[0] != '\0' ? h->error :
	    curl_easy_strerror(code);

	if (h->too_long)
		return fault_set(why, ERR_LIMIT, "the answer of %.200s is "
		    "longer than %d bytes of headers or %d of body",
		    h->request->url, HEADER_MAX, HTTP_BODY_MAX);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		words = "the connection ended before an answer came";
	return fault_set(why, ERR_NETWORK, "%.200s: %s", h->request->url,
	    words);
}

enum err
http_exchange(struct http *h, const struct http_request *request,
    struct http_answer *a, struct fault *why)
{
	struct curl_slist *fields;
	CURLcode code;
	long status = 0;

	headers_free(&a->headers);
	buf_reset(&a->body);
	a->status = 0;
	a->sent = false;
	h->answer = a;
	h->request = request;
	h->too_long = false;
	h->error[0] = '\0';
	curl_easy_reset(h->easy);
	set_connection(h);
	set_callbacks(h);
	fields = set_request(h);
	code = curl_easy_perform(h->easy);
	curl_slist_free_all(fields);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	a->status = (unsigned)status;
	if (code != CURLE_OK)
		return explain(h, code, why);
	/* to libcurl an answer may end in its head */
	return a->headers.complete ? OK : fault_set(why, ERR_NETWORK,
	    "%.200s: the connection ended in the head of the answer",
	    request->url);
}
