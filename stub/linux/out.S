/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * out.S - from the kernel's long mode to 32 bits without paging, and back.
 *
 * GNU's assembler, as Linux builds modules with no other.
 */
#include <linux/linkage.h>

#include <asm/asm.h>

#include "out.h"

#define MSR_EFER    0xc0000080
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define EFER_LME    0x100
#define EFER_SVME   0x1000
#define CR0_OFF     0x8005000c	/* PG, AM, WP, TS, EM */
#define CR4_KEPT    0x1020	/* LA57, PAE: what long mode does not let go of */
#define CR4_PCIDE   0x20000
#define CR4_VMXE    0x2000

.macro msr_save msr at
	movl	$\msr, %ecx
	rdmsr
	movl	%eax, \at(%rdi)
	movl	%edx, \at+4(%rdi)
.endm

.macro msr_load msr at
	movl	$\msr, %ecx
	movl	\at(%rbx), %eax
	movl	\at+4(%rbx), %edx
	wrmsr
.endm

	.text
	.code64
/*
 * nd_out - void nd_out(struct nd_out_state *state)
 * Mode:  long mode in the kernel, IF = 0.  state->table maps this code as the kernel does, and
 *        state->code, state itself and the stack one to one; all of that lies below 4 GiB.
 * Out:   returns if the flat part does.  All registers that a call keeps, segments, GDTR, IDTR,
 *        CR0, CR3, CR4, EFER, FS and GS bases as before; FPU registers are lost.
 * In between: 32-bit flat mode, paging off, CR4 = 0, EFER.LME = 0, IDT limit 0.  VMX is left for
 * good.
 */
SYM_CODE_START(nd_out)
	pushfq
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, OUT_RSP(%rdi)
	movq	%cr0, %rax
	movq	%rax, OUT_CR0(%rdi)
	movq	%cr3, %rax
	movq	%rax, OUT_CR3(%rdi)
	movq	%cr4, %rax
	movq	%rax, OUT_CR4(%rdi)
	testl	$CR4_VMXE, %eax		/* a hypervisor's root mode does not let go of paging; */
	jz	2f
1:	vmxoff				/* SVM is left with EFER.SVME */
2:
	_ASM_EXTABLE(1b, 2b)		/* not in root mode after all */
	msr_save MSR_EFER OUT_EFER
	msr_save MSR_FS_BASE OUT_FS_BASE
	msr_save MSR_GS_BASE OUT_GS_BASE
	movw	%ds, OUT_DS(%rdi)
	movw	%es, OUT_ES(%rdi)
	movw	%fs, OUT_FS(%rdi)
	movw	%gs, OUT_GS(%rdi)
	sgdt	OUT_GDTR(%rdi)
	sidt	OUT_IDTR(%rdi)
	leaq	.Lback(%rip), %rax
	movq	%rax, OUT_BACK(%rdi)

	movq	OUT_SELF(%rdi), %rbx
	movq	OUT_CODE(%rdi), %rdx
	movq	OUT_TABLE(%rdi), %rcx
	movq	%cr4, %rax
	andq	$~CR4_PCIDE, %rax
	movq	%rax, %cr4
	movq	%rcx, %cr3
	pushq	%rdx			/* a return needs no ENDBR where it goes to */
	ret
	int3

/* Back in the kernel's text, by state->table; RBX = phys of state. */
.Lback:
	movq	OUT_RSP(%rbx), %rsp
	movq	OUT_CR4(%rbx), %rax
	movq	%rax, %cr4
	lgdt	OUT_GDTR(%rbx)
	lidt	OUT_IDTR(%rbx)
	movl	$OUT_SEL_DATA, %eax
	movl	%eax, %ss
	movw	OUT_DS(%rbx), %ds
	movw	OUT_ES(%rbx), %es
	movw	OUT_FS(%rbx), %fs
	movw	OUT_GS(%rbx), %gs
	msr_load MSR_FS_BASE OUT_FS_BASE
	msr_load MSR_GS_BASE OUT_GS_BASE
	movq	OUT_CR3(%rbx), %rax
	movq	%rax, %cr3		/* from here on RBX points nowhere */
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popfq
	ret
	int3
SYM_CODE_END(nd_out)

	.section .rodata, "a"
	.balign	16
/*
 * nd_out_flat - copied to state->code, and entered there by nd_out.
 * Mode:  long mode, IF = 0, one to one, RBX = phys of state.
 */
SYM_DATA_START(nd_out_flat)
	movq	OUT_STACK(%rbx), %rsp
	lgdt	OUT_FLAT_GDTR(%rbx)
	lidt	OUT_NO_IDTR(%rbx)
	movq	%cr4, %rax
	andq	$CR4_KEPT, %rax
	movq	%rax, %cr4
	pushq	$OUT_SEL_CODE32
	leaq	.Lcompatible(%rip), %rax
	pushq	%rax
	lretq

	.code32
.Lcompatible:
	movl	$OUT_SEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%eax, %ss
	movl	%cr0, %eax
	andl	$~CR0_OFF, %eax
	movl	%eax, %cr0
	jmp	.Lflat
.Lflat:
	movl	$MSR_EFER, %ecx
	rdmsr
	andl	$~(EFER_LME | EFER_SVME), %eax
	wrmsr
	xorl	%eax, %eax
	movl	%eax, %cr4
	subl	$8, %esp		/* the ABI's alignment */
	pushl	OUT_WHAT(%ebx)
	pushl	OUT_HANDOFF(%ebx)
	call	*OUT_FLAT(%ebx)
	addl	$16, %esp

	movl	OUT_CR4(%ebx), %eax
	andl	$CR4_KEPT, %eax
	movl	%eax, %cr4
	movl	OUT_TABLE(%ebx), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	OUT_CR0(%ebx), %eax
	movl	%eax, %cr0
	pushl	$OUT_SEL_CODE64
	movl	OUT_CODE(%ebx), %eax
	addl	$(.Llong - nd_out_flat), %eax
	pushl	%eax
	lret

	.code64
.Llong:
	movl	%ebx, %ebx		/* what a mode switch leaves above bit 31 is undefined */
	movl	%esp, %esp
	msr_load MSR_EFER OUT_EFER	/* first of all NXE: the kernel's tables have the bit */
	pushq	OUT_BACK(%rbx)
	ret
SYM_DATA_END_LABEL(nd_out_flat, SYM_L_GLOBAL, nd_out_flat_end)

	.balign	16
SYM_DATA_START(nd_flat)
	.incbin	"flat.bin"
SYM_DATA_END_LABEL(nd_flat, SYM_L_GLOBAL, nd_flat_end)
