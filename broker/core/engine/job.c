#include "job.h"

#include "../../base/crypto.h"
#include "../../base/log.h"

const struct job_class *const job_classes[JOB_KIND__MAX] = {
	[JOB_DIRECTORY] = &directory_class,
	[JOB_ACCOUNT] = &account_class,
	[JOB_ORDER] = &order_class,
	[JOB_CLEANUP] = &cleanup_class,
	[JOB_DEPLOY] = &deploy_class,
	[JOB_AUDIT_KEY] = &audit_key_class,
	[JOB_RENEWAL] = &renewal_class,
	[JOB_SWEEP] = &sweep_class,
	[JOB_COUNTERS] = &counters_class,
	[JOB_LOOK] = &look_class,
};

int64_t
backoff(uint32_t attempts, int64_t first, int64_t most)
{
	int64_t ms = first;
	uint32_t noise;

	for (uint32_t i = 1; i < attempts && ms < most; i++)
		ms *= 2;
	if (ms > most)
		ms = most;
	random_bytes(&noise, sizeof(noise));
	return ms + ms / 5 - (int64_t)(noise % (uint64_t)(ms / 5 * 2 + 1));
}

void
job_signed(struct job *j, enum err e)
{
	j->laneless = e == ERR_TOKEN || e == ERR_CLOSED || e == ERR_TIMEOUT ||
	    e == ERR_BUSY;
}

bool
row_found(enum err e, struct job *j, const struct fault *why)
{
	if (e == OK) {
		j->failures = 0;
		return true;
	}
	log_error("job of %s: %s", j->name, why->text);
	j->failures++;
	job_again(j, backoff(j->failures, 1000, 60000));
	return false;
}
