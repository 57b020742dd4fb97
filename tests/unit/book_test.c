/* The book of jobs: who gets which, when, and that no wake-up is lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "../../broker/base/clock.h"
#include "../../broker/core/engine/book.h"

#define THREADS	  6
#define JOBS	  300
#define LONG_WAIT 20000 /* milliseconds: what a lost wake-up would cost */

static void
run(struct job *j)
{
	(void)j;
}

static bool
prepare(struct job *j)
{
	(void)j;
	return true;
}

static const struct job_class local = { .run = run };
static const struct job_class network = { .prepare = prepare };
static const struct job_class both = { .run = run, .prepare = prepare };

/* The book's own: the engine is not here. */
const struct job_class *const job_classes[JOB_KIND__MAX] = {
	[JOB_DIRECTORY] = &network,
	[JOB_ACCOUNT] = &both,
	[JOB_ORDER] = &both,
	[JOB_CLEANUP] = &local,
	[JOB_DEPLOY] = &local,
	[JOB_AUDIT_KEY] = &local,
	[JOB_RENEWAL] = &local,
	[JOB_SWEEP] = &local,
	[JOB_COUNTERS] = &local,
};

static struct job *
take_now(bool for_core)
{
	return book_take(for_core, for_core ? 0 : book_issuer(), 0);
}

static void
finish(struct job *j)
{
	assert_non_null(j);
	j->over = true;
	book_give_back(j);
}

static void
test_sooner_first(void **state)
{
	int64_t now = clock_now_ms();
	struct job *j;

	(void)state;
	job_add(JOB_CLEANUP, "late", 1, now - 10);
	job_add(JOB_CLEANUP, "later", 2, now + 60000);
	job_add(JOB_CLEANUP, "soon", 3, now - 20);
	job_add(JOB_DIRECTORY, "ca", 0, now - 30);
	j = take_now(true);
	assert_string_equal(j->name, "soon");
	finish(j);
	j = take_now(true);
	assert_string_equal(j->name, "late");
	finish(j);
	assert_null(take_now(true));
	job_add(JOB_CLEANUP, "later", 2, now);
	finish(take_now(true));
	j = take_now(false);
	assert_string_equal(j->name, "ca");
	finish(j);
	assert_null(take_now(false));
}

/* What is asked for while somebody is at it is done after that. */
static void
test_asked_while_taken(void **state)
{
	struct job *j;

	(void)state;
	job_add(JOB_DEPLOY, "www", 0, 0);
	j = take_now(true);
	assert_null(take_now(true));
	job_add(JOB_DEPLOY, "www", 0, 0);
	finish(j);
	finish(take_now(true));
	assert_null(take_now(true));
}

static void
test_waiting(void **state)
{
	struct job *j;

	(void)state;
	job_add(JOB_ACCOUNT, "main", 0, 0);
	j = take_now(true);
	job_wait(j);
	book_give_back(j);
	assert_null(take_now(true));
	jobs_release(JOB_ORDER);
	assert_null(take_now(true));
	jobs_release(JOB_ACCOUNT);
	finish(take_now(true));
}

/* What failed for want of a lane is due as soon as one is up. */
static void
test_laneless(void **state)
{
	struct job *j;

	(void)state;
	job_add(JOB_ORDER, "www", 1, 0);
	for (unsigned i = 0; i < 2; i++) {
		j = take_now(true);
		assert_non_null(j);
		assert_false(j->laneless);
		j->laneless = i == 0;
		job_again(j, LONG_WAIT);
		book_give_back(j);
		assert_null(take_now(true));
		jobs_release(JOB_ORDER);
	}
	assert_null(take_now(true));
	job_add(JOB_ORDER, "www", 1, 0);
	finish(take_now(true));
}

static void
test_lease(void **state)
{
	uint64_t issuer = book_issuer();
	struct job *j;

	(void)state;
	job_add(JOB_DIRECTORY, "ca", 0, 0);
	j = take_now(false);
	assert_null(book_hold(j->task));
	assert_null(book_hold(0));
	book_lease(j, clock_now_ms() + 60000);
	assert_null(book_expired());
	assert_ptr_equal(book_hold(j->task), j);
	assert_null(book_hold(j->task));
	book_lease(j, clock_now_ms() - 1);
	assert_ptr_equal(book_expired(), j);
	assert_null(book_expired());
	book_lease(j, clock_now_ms() + 60000);
	book_issuer_gone();
	assert_true(book_issuer() > issuer);
	assert_true(j->interrupted);
	assert_ptr_equal(book_expired(), j);
	job_again(j, 0);
	book_give_back(j);
	assert_null(book_take(false, issuer, clock_now_ms() + LONG_WAIT));
	finish(take_now(false));
}

static void
test_cancel(void **state)
{
	struct job *j;
	bool busy;

	(void)state;
	assert_null(book_cancel(JOB_ORDER, "www", 7, &busy));
	assert_false(busy);
	job_add(JOB_ORDER, "www", 7, clock_now_ms() + 60000);
	j = book_cancel(JOB_ORDER, "www", 7, &busy);
	assert_true(j != NULL && j->cancel && !busy);
	assert_null(book_cancel(JOB_ORDER, "www", 7, &busy));
	assert_true(busy);
	finish(j);
}

/* Waits as an issuer; arg is until when; gives the job that it got. */
static void *
waiter(void *arg)
{
	return book_take(false, book_issuer(), *(int64_t *)arg);
}

/* A job is told to one waiter only, who does not stay until it is due. */
static void
test_leaving_early(void **state)
{
	int64_t now = clock_now_ms();
	int64_t ends[] = { now + 200, now + LONG_WAIT };
	pthread_t threads[2];
	void *got[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, waiter,
		    &ends[i]), 0);
		usleep(30000);
	}
	job_add(JOB_DIRECTORY, "ca", 0, now + 400);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], &got[i]);
	assert_true(clock_now_ms() - now < LONG_WAIT / 2);
	assert_null(got[0]);
	finish(got[1]);
}

static struct {
	pthread_mutex_t lock;
	unsigned done;
} tally = { .lock = PTHREAD_MUTEX_INITIALIZER };

static unsigned
done(unsigned more)
{
	unsigned n;

	pthread_mutex_lock(&tally.lock);
	tally.done += more;
	n = tally.done;
	pthread_mutex_unlock(&tally.lock);
	return n;
}

/* An issuer asks anew after a short time, so that threads come and go. */
static void *
worker(void *arg)
{
	bool for_core = arg != NULL;
	struct job *j;

	while (!book_closed()) {
		j = book_take(for_core, for_core ? 0 : book_issuer(),
		    clock_now_ms() + (for_core ? LONG_WAIT : 30));
		if (j == NULL)
			continue;
		j->over = true;
		book_give_back(j);
		done(1);
	}
	return NULL;
}

/* Each change wakes one thread: none may sleep through a job's time. */
static void
test_wake_ups(void **state)
{
	int64_t began = clock_now_ms();
	pthread_t threads[THREADS];
	char name[16];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker,
		    i % 3 != 0 ? &tally : NULL), 0);
	for (unsigned i = 0; i < JOBS; i++) {
		snprintf(name, sizeof(name), "%u", i);
		job_add(i % 2 == 0 ? JOB_CLEANUP : JOB_DIRECTORY, name, 0,
		    clock_now_ms() + (int64_t)(i * 7919 % 100));
		if (i % 10 == 0)
			usleep(2000);
	}
	while (done(0) < JOBS && clock_now_ms() - began < LONG_WAIT / 2)
		usleep(2000);
	assert_int_equal(done(0), JOBS);
	book_close();
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(clock_now_ms() - began < LONG_WAIT / 2);
	job_add(JOB_SWEEP, "", 0, 0);
	assert_null(take_now(true));
}

/* Takes a due job of a CA as the issuer does; NULL when none may go. */
static struct job *
ask(const char *ca)
{
	struct job *j = take_now(false);

	if (j == NULL || book_admit(j, ca))
		return j;
	book_give_back(j);
	return NULL;
}

static void
hear(struct job *j, bool answered)
{
	assert_non_null(j);
	book_heard(j, answered);
	j->due = 0;
	book_give_back(j);
}

static void
test_silence_is_waited_for_once(void **state)
{
	static const char silent[] = "silent", good[] = "good";
	struct job *a, *b, *c;

	(void)state;
	job_add(JOB_DIRECTORY, "a", 0, 1);
	job_add(JOB_DIRECTORY, "b", 0, 2);
	a = ask(silent);
	b = ask(silent);
	hear(a, false);
	assert_null(ask(silent)); /* b is still waiting for it */
	job_add(JOB_DIRECTORY, "c", 0, 3);
	c = ask(good);
	assert_string_equal(c->name, "c");
	hear(b, false);
	a = ask(silent);
	assert_null(ask(silent));
	hear(a, true);
	a = ask(silent);
	b = ask(silent);
	finish(a);
	finish(b);
	finish(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sooner_first),
		cmocka_unit_test(test_silence_is_waited_for_once),
		cmocka_unit_test(test_asked_while_taken),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_laneless),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_leaving_early),
		cmocka_unit_test(test_wake_ups), /* closes the book */
	};

	return cmocka_run_group_tests_name("book", tests, NULL, NULL);
}
