/* What a program says to the debugger or emulator that it runs under. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

static inline int32_t semihosting(uint32_t operation, uintptr_t argument)
{
    register uintptr_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

/* Prints a string that ends with NUL. */
static inline void print(const char *text) { semihosting(0x04 /* SYS_WRITE0 */, (uintptr_t)text); }

/* Ends the emulator with this exit code. */
static inline void leave(uint32_t code)
{
    uintptr_t block[2] = {0x20026u /* ADP_Stopped_ApplicationExit */, code};
    for (;;) {
        semihosting(0x20 /* SYS_EXIT_EXTENDED */, (uintptr_t)block);
    }
}

#endif
