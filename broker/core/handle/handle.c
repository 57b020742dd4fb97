#include "handle.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/clock.h"
#include "../../base/mem.h"

static pthread_mutex_t certificates = PTHREAD_MUTEX_INITIALIZER;

void
certificates_lock(void)
{
	pthread_mutex_lock(&certificates);
}

void
certificates_unlock(void)
{
	pthread_mutex_unlock(&certificates);
}

void
put_some(struct json_writer *w, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_put_string(w, name, text);
}

void
put_time_ms(struct json_writer *w, const char *name, int64_t ms)
{
	char text[RFC3339_SIZE];

	if (ms > 0)
		json_put_string(w, name, clock_rfc3339(ms, text));
}

void
put_time(struct json_writer *w, const char *name, int64_t seconds)
{
	if (seconds > 0 && seconds < INT64_MAX / 1000)
		put_time_ms(w, name, seconds * 1000);
}

void
put_words(struct json_writer *w, const char *name, const char *text)
{
	struct words words;

	words_split(&words, text);
	json_open_array(w, name);
	for (size_t i = 0; i < words.n; i++)
		json_put_string(w, NULL, words.v[i]);
	json_close_array(w);
	words_free(&words);
}

enum err
body_empty(const struct request *rq, struct fault *why)
{
	return json_read(rq->body, NULL, 0, why);
}

enum err
reply_done(struct reply *rp, struct fault *why)
{
	if (rp->body.failed)
		return fault_set(why, ERR_LIMIT,
		    "the reply would be larger than %zu bytes", rp->body.max);
	return OK;
}

void
facts_account(struct facts *facts, const char *account)
{
	const struct config_account *a = config_account(core.config, account);

	facts->account = account;
	facts->ca = a != NULL ? a->ca : NULL;
}

void
subject_facts(struct subject *s, struct facts *facts)
{
	facts->certificate = s->row.name;
	facts_account(facts, s->row.account);
	facts->names = s->names.v;
	facts->nnames = s->names.n;
}

enum err
subject_load(struct subject *s, const char *certificate, struct facts *facts,
    struct fault *why)
{
	enum err err;

	*s = (struct subject){ .found = false };
	facts->certificate = certificate;
	err = store_certificate_get(core.store, certificate, &s->row, why);
	if (err == ERR_NOT_FOUND)
		return OK;
	if (err != OK)
		return err;
	if (s->row.deleted)
		return OK;
	s->found = true;
	words_split(&s->names, s->row.names);
	subject_facts(s, facts);
	return OK;
}

void
subject_free(struct subject *s)
{
	certificate_row_free(&s->row);
	words_free(&s->names);
}

bool
number_read(const char *text, int64_t *out)
{
	size_t n = strlen(text);

	if (n == 0 || n > 18 || strspn(text, "0123456789") != n ||
	    (n > 1 && text[0] == '0'))
		return false;
	*out = strtoll(text, NULL, 10);
	return true;
}
