/* The vector table and what runs before main, for any Cortex-M. */
#include "semihosting.h"

extern uint32_t stack_top, data_start, data_end, data_source, bss_start, bss_end;
int main(void);
void reset(void);

static void fault(void)
{
    print("FAULT\n");
    leave(99);
}

void reset(void)
{
#ifdef __ARM_FP
    /* Full access to the FPU's coprocessors 10 and 11, before anything may use it. */
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
    for (uint32_t *to = &data_start, *from = &data_source; to < &data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = &bss_start; to < &bss_end;) {
        *to++ = 0;
    }
    leave((uint32_t)main());
}

typedef void handler(void);

/* Initial stack, reset, then every fault and interrupt of the core. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    handler *handlers[15];
} vectors = {
    &stack_top,
    {reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault},
};
