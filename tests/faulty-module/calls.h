/*
 * How often each function was called, by all processes together, in a file
 * that anybody can read: one line each, with the name, all calls, and those
 * since the script was changed; and the PINs that were refused, all and in a
 * row.
 */
#ifndef FAULTY_CALLS_H
#define FAULTY_CALLS_H

#include "functions.h"

/* Which text of a script counts: two numbers that change when it does. */
struct edition {
	unsigned long long inode, time;
};

/* Opens or makes the file; what fails is told on standard error, and then
 * this process counts for itself. */
void calls_open(const char *path);

/* Adds one call; gives how many there were under this edition. */
unsigned long calls_add(enum function f, struct edition now);

/* PINs that were refused in a row: one more, how many, none any more. */
unsigned long calls_wrong_pin(void);
unsigned long calls_wrong_pins(void);
void calls_right_pin(void);

#endif
