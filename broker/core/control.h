/*
 * The core's end of the channel to keybrokerd (broker/base/control.h).  One
 * thread receives; sending is thread-safe.
 */
#ifndef CORE_CONTROL_H
#define CORE_CONTROL_H

#include <stdint.h>

#include "../base/buf.h"
#include "../base/control.h"
#include "../base/err.h"

struct control;

/* Takes the descriptor; reads and gives the CONTROL_START frame's text and
 * listeners: names by spaces, descriptors in fds (count in nfds). */
struct control *control_open(int fd, struct buf *config, struct buf *names,
    int *fds, unsigned *nfds, struct fault *why);

/* Serves frames until CONTROL_STOP or the end; then returns. */
void control_run(struct control *c);

/* level: what sandbox_enter() gave. */
void control_ready(struct control *c, unsigned level);
void control_kill_lane(const char *token, unsigned lane);
enum err control_unlatch(struct control *c, const char *token,
    struct fault *why);

/* Runs a configured program; its end is told to engine_hook_done(id).
 * values: pairs of strings, name then value, n of them in all. */
enum err control_hook(struct control *c, uint64_t id, enum hook_kind kind,
    const char *certificate, const char *const *values, size_t n,
    struct fault *why);

/* The state of all processes, as a JSON array in text. */
enum err control_state(struct control *c, struct buf *out, struct fault *why);

#endif
