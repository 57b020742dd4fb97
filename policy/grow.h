/* Arrays that grow by one element at a time. */
#ifndef POLICY_GROW_H
#define POLICY_GROW_H

#include "../broker/base/mem.h"

/* Room for one more element after n: the capacity is always the power of two
 * that n needs, so it is not stored anywhere. */
static inline void *
grow(void *p, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return p;
	return xreallocarray(p, n != 0 ? 2 * n : 1, size);
}

#endif
