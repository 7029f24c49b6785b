// Halves the time that user-mode Linux takes to boot.
//
// Debian's kernel measures at every boot which of its RAID-6 routines is the fastest, five times for 16 ticks of its
// clock, 0.8 s in all (lib/raid6/algos.c); there is no option against it. As long as the kernel is booting, its clock
// is a periodic timer of 100 Hz: that one is made 16 times as fast. Once the kernel has its own clocksource it asks for
// each tick singly, and gets what it asks for. The guest's init mends the time of day, which is then about a second
// ahead.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <time.h>

enum { kSpeed = 16 };

int timer_settime(timer_t timer, int flags, const struct itimerspec* wanted, struct itimerspec* previous) {
  static int (*settime)(timer_t, int, const struct itimerspec*, struct itimerspec*);
  if (settime == NULL) *(void**)&settime = dlsym(RTLD_NEXT, "timer_settime");
  struct itimerspec given = *wanted;
  int periodic = wanted->it_interval.tv_sec == 0 && wanted->it_interval.tv_nsec != 0;
  if (periodic) {
    given.it_interval.tv_nsec /= kSpeed;
    given.it_value.tv_nsec /= kSpeed;
  }
  return settime(timer, flags, &given, previous);
}
