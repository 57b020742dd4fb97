/* What keybrokerd tells systemd, when systemd started it. */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <stdint.h>

/* Sends lines such as "READY=1"; nothing happens without NOTIFY_SOCKET. */
void notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How often a watchdog wants to hear of us, in milliseconds; 0: never. */
int64_t notify_watchdog(void);

#endif
