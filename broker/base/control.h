/*
 * The protocol between keybrokerd and keybroker-core, as frames over the
 * descriptor PARENT_FD of the core.
 *
 * op                 from        payload, descriptors
 * CONTROL_START      keybrokerd  u32 count, then for each API listener str
 *                                name.  Descriptors: the configuration text
 *                                as keybrokerd read and checked it (a sealed
 *                                memory file), then the bound listeners in
 *                                that order.
 * CONTROL_READY      core        u8 enum sandbox_level: serving, and how far
 *                                it is confined
 * CONTROL_LANE_UP    keybrokerd  str token, u32 lane, lane_token;
 *                                descriptor: the lane's socket
 * CONTROL_LANE_DOWN  keybrokerd  str token, u32 lane, fault (why, and
 *                                ERR_PIN when an operator must act)
 * CONTROL_LANE_KILL  core        str token, u32 lane, u32 generation is not
 *                                needed: a lane that hangs is to be replaced
 * CONTROL_ISSUER_UP  keybrokerd  (empty); descriptors: the core's ends of the
 *                                issuer's channels, SOCK_STREAM, HTTP
 * CONTROL_ISSUER_DOWN keybrokerd (empty)
 * CONTROL_HOOK       core        id; u8 enum hook_kind, str certificate (or
 *                                challenge owner) name, u32 count of values,
 *                                then str name, str value (environment)
 * CONTROL_HOOK_DONE  keybrokerd  same id; u32 exit status (128 + signal when
 *                                killed), u8 timed out, str output
 * CONTROL_UNLATCH    core        str token: forget that its PIN was refused
 * CONTROL_STOP       keybrokerd  (empty) finish what is running, then exit
 * CONTROL_STATE      core        (empty); answered, same id, by str JSON text
 *                                of processes (pid, role, state, restarts)
 */
#ifndef BASE_CONTROL_H
#define BASE_CONTROL_H

enum control_op {
	CONTROL_START = 64,
	CONTROL_READY,
	CONTROL_LANE_UP,
	CONTROL_LANE_DOWN,
	CONTROL_LANE_KILL,
	CONTROL_ISSUER_UP,
	CONTROL_ISSUER_DOWN,
	CONTROL_HOOK,
	CONTROL_HOOK_DONE,
	CONTROL_UNLATCH,
	CONTROL_STOP,
	CONTROL_STATE,
	CONTROL_OP__MAX
};

/* Which configured program; where it stands is decided by the name. */
enum hook_kind {
	HOOK_DEPLOY,	/* of a certificate */
	HOOK_DNS,	/* of a certificate's dns-01 challenge */
	HOOK__MAX
};

#define HOOK_OUTPUT_MAX 4096 /* bytes kept of what a program prints */

#endif
