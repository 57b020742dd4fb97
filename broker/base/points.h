/*
 * The places where a test may stop a process: one before and one after each
 * thing that must not be lost or done twice.  In a test build (TEST_POINTS)
 * a process that reaches the armed point tells so and stops itself, and the
 * test kills whom it likes; in a normal build the macro is nothing.
 *
 * A point is "stage.moment".  Armed by the file named in
 * KEYBROKER_POINT_FILE, which holds the name of one point; the process renames
 * that file to NAME.reached and raises SIGSTOP.
 */
#ifndef BASE_POINTS_H
#define BASE_POINTS_H

#ifdef TEST_POINTS
void point_reached(const char *stage, const char *moment);
#define POINT(stage, moment) point_reached(stage, moment)
#else
#define POINT(stage, moment) ((void)(stage))
#endif

#endif
