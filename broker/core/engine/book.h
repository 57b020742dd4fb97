/*
 * The book of open jobs: which are due, and who is at which.  A job belongs
 * to its taker until it is given back.  There are as many as there is open
 * work, not as many as there are certificates; nobody outside of book.c sees
 * in what order they are kept.  Thread-safe.
 */
#ifndef CORE_BOOK_H
#define CORE_BOOK_H

#include "job.h"

/*
 * Takes a due job for a thread of the core (local) or for an issuer by its
 * number, waiting for one until end (ms since the epoch).  NULL: there was
 * none, that issuer is gone, or the book is closed.
 */
struct job *book_take(bool local, uint64_t issuer, int64_t end);
void book_give_back(struct job *j);

/*
 * Lets a taken job go to the issuer, which asks that CA (any name for it that
 * lasts).  A CA that did not answer is asked one thing at a time until it
 * does, so that it cannot keep all workers of the issuer waiting while others
 * would answer: false, and the job is to be given back.
 */
bool book_admit(struct job *j, const void *ca);

/* By the taker of an admitted job: whether the CA answered at all. */
void book_heard(struct job *j, bool answered);

/*
 * A task at the issuer has a lease.  Holding it keeps it from being found by
 * anybody else while an answer is worked on; NULL when it is over.
 */
struct job *book_hold(int64_t task);
void book_lease(struct job *j, int64_t end);

/* Holds a task whose lease is over or whose issuer is gone; NULL: none. */
struct job *book_expired(void);

/* The number of the present issuer, from 1; the next one comes when it is
 * gone, which interrupts all jobs. */
uint64_t book_issuer(void);
void book_issuer_gone(void);

/* The jobs of that kind are due now. */
void book_hasten(enum job_kind kind);

/* Marks a job as given up and takes it; NULL when there is none, or when it
 * is taken (busy): then its taker sees the mark. */
struct job *book_cancel(enum job_kind kind, const char *name, int64_t order,
    bool *busy);

/* Nobody takes anything any more, and who waits is sent home. */
void book_close(void);
bool book_closed(void);

#endif
