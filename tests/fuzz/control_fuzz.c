/*
 * keybrokerd's readers of what less trusted processes say: the core over its
 * channel, and a lane that reports how its start went.  Nonsense costs the
 * sender its life, and everything else is an answer or a thing done.  The
 * first byte tells who speaks; frames follow, each behind two bytes of length
 * without its header, which is made here.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../broker/base/lane.h"
#include "../../broker/base/log.h"
#include "../../broker/base/mem.h"
#include "../../broker/supervisor/supervisor.h"
#include "fuzz.h"

static const char text[] =
    "state \"/var/lib/keybroker\"\n"
    "listener \"api\" { path \"/run/api.sock\" }\n"
    "audit durable { token \"main\" }\n"
    "token \"main\" { module \"x\" uri \"pkcs11:token=main\"\n"
    "  pin-source \"prompt\" lanes 2 }\n"
    "ca \"ca\" { directory \"https://ca.test/dir\" }\n"
    "account \"main\" { ca \"ca\" key ec-p256 { token \"main\" } }\n"
    "certificate \"shop\" { account \"main\" names \"shop.test\"\n"
    "  key ec-p256 { token \"main\" }\n"
    "  challenge dns-01 { program \"/bin/dns\" { uid 1 } }\n"
    "  deploy \"/bin/deploy\" { uid 1 } }\n";

static struct supervisor s;
static pid_t victim; /* a child that is dead and stays so: safe to kill */
static int peer = -1;

/* main.c's; nothing here may lead to it. */
void
supervisor_stop(struct supervisor *supervisor, int exit_code)
{
	(void)supervisor;
	require(exit_code < 0);
}

static void
clean_up(void)
{
	waitpid(victim, NULL, 0);
}

static void
set_up(void)
{
	char folder[] = "/dev/shm/keybroker-fuzz-XXXXXX";
	struct config_errors errors;

	log_set_level(LOG_LEVEL_ERROR);
	s.config = config_parse(text, strlen(text), NULL, &errors);
	for (size_t i = 0; s.config == NULL && i < errors.n; i++)
		fprintf(stderr, "%u: %s\n", errors.v[i].line,
		    errors.v[i].text);
	require(s.config != NULL);
	config_errors_free(&errors);
	require(mkdtemp(folder) != NULL);
	s.latches = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rmdir(folder);
	lanes_open(&s);
	victim = fork();
	if (victim == 0)
		_exit(0);
	atexit(clean_up);
}

static int
channel(int *ours)
{
	struct fault why;
	int pair[2];

	require(frame_pair(pair, &why) == OK);
	*ours = pair[0];
	return pair[1];
}

/* Takes one frame off the input; false at its end. */
static bool
say(struct reader *r, int fd)
{
	uint8_t high = reader_u8(r), low = reader_u8(r);
	struct frame head = { .id = 7 };
	size_t n = (size_t)high << 8 | low;
	struct fault why;

	head.op = reader_u8(r);
	head.status = reader_u8(r) % ERR__MAX;
	if (r->failed)
		return false;
	if (n > r->left)
		n = r->left;
	require(frame_send(fd, &head, r->p, n, &why) == OK);
	r->p += n;
	r->left -= n;
	return true;
}

/* All that was sent to the core must be frames that it may get. */
static void
hear(void)
{
	static unsigned char buffer[FRAME_MAX + 64];
	struct fault why;
	struct frame f;

	while (frame_recv(peer, &f, buffer, sizeof(buffer), 0, &why) == OK) {
		require(f.op == CONTROL_STATE || f.op == CONTROL_HOOK_DONE ||
		    f.op == CONTROL_LANE_UP || f.op == CONTROL_LANE_DOWN);
		for (unsigned i = 0; i < f.nfds; i++)
			close(f.fds[i]);
	}
}

static void
try_core(struct reader *r)
{
	while (s.core.fd >= 0 && say(r, peer)) {
		core_readable(&s);
		hear();
		require(s.hooks_waiting <= HOOKS_WAITING);
	}
	hooks_drain(&s);
	require(s.hooks == NULL && s.hooks_waiting == 0);
}

static void
try_lane(struct reader *r)
{
	struct lane *l = &s.lanes[1];
	int end = channel(&l->fd);

	l->child = (struct child){ .state = CHILD_STARTING, .pid = victim };
	l->why.code = OK;
	if (say(r, end)) {
		lane_readable(&s, l);
		require(l->fd < 0);
		require(l->child.state == CHILD_UP || l->child.state ==
		    CHILD_STARTING);
		require(memchr(l->why.text, '\0', FAULT_MAX) != NULL);
		hear();
	}
	if (l->fd >= 0)
		close(l->fd);
	close(end);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct reader r;

	if (s.config == NULL)
		set_up();
	reader_init(&r, p, n);
	peer = channel(&s.core.fd);
	s.core.child.pid = victim;
	s.core.ready = false;
	if (reader_u8(&r) % 2 == 0)
		try_core(&r);
	else
		try_lane(&r);
	if (s.core.fd >= 0)
		close(s.core.fd);
	s.core.fd = -1;
	close(peer);
	return 0;
}
