/* The names of all test points (base/points.h), for the test that stops at
 * each of them. */
#ifndef CORE_TEST_POINTS_H
#define CORE_TEST_POINTS_H

/* Prints them, one a line; nothing in a normal build. */
void test_points_print(void);

#endif
