/*
 * Programs of others, run by keybrokerd: the asking thread waits until the
 * control channel tells the end of its program.  Thread-safe.
 */
#ifndef CORE_HOOK_H
#define CORE_HOOK_H

#include "../../base/control.h"
#include "../store/store.h"

struct hook_end {
	uint32_t status;
	bool timed_out;
	char output[STORE_TEXT * 2];
};

/* Runs the configured program of that kind with n values in its environment
 * (name, value, name, value ...) and waits for its end. */
enum err hook_run(enum hook_kind kind, const char *certificate,
    const char *const *values, size_t n, struct hook_end *end,
    struct fault *why);

/* Nobody hears of ends any more: who waits gets ERR_CLOSED. */
void hooks_stop(void);

#endif
