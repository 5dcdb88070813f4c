/* For a build with ThreadSanitizer: stands before what it cannot understand of Swift 6.3 (the linker's --wrap).

   Mutex: its quick way is atomic operations in our own code, which the sanitizer sees; the slow one, where threads
   meet, is the library's, which is not instrumented. Without this every such meeting is reported as a race.

   `inout`: before each access Swift says where the value is, and for one without octets (SystemRandomNumberGenerator)
   that is whatever a register held, which ends the process. Every load and store is still watched by itself. */
#include <stdint.h>

#define MUTEX __attribute__((swift_context)) void *mutex
#define CALL __attribute__((swiftcall)) void

void __tsan_acquire(void *address);
void __tsan_release(void *address);

CALL __real_$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF(uint32_t thread, MUTEX);
CALL __wrap_$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF(uint32_t thread, MUTEX) {
    __real_$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF(thread, mutex);
    __tsan_acquire(mutex);
}

CALL __real_$s15Synchronization12_MutexHandleV11_unlockSlowyyF(MUTEX);
CALL __wrap_$s15Synchronization12_MutexHandleV11_unlockSlowyyF(MUTEX) {
    __tsan_release(mutex);
    __real_$s15Synchronization12_MutexHandleV11_unlockSlowyyF(mutex);
}

void __wrap___tsan_external_write(void *address, void *caller, void *tag) { (void)address, (void)caller, (void)tag; }
void __wrap___tsan_external_read(void *address, void *caller, void *tag) { (void)address, (void)caller, (void)tag; }
