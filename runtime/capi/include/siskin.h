/* siskin.h: runs .siskin models. No allocator, no global state, no fault.
 *
 * Made from runtime/capi/src by `cargo xtask capi`; do not edit. */

#ifndef SISKIN_H
#define SISKIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Aligns a static or local array to SISKIN_ALIGN: static SISKIN_ALIGNED unsigned char arena[SISKIN_ARENA_BYTES]; */
#if defined(__GNUC__) || defined(__clang__) || defined(__ARMCC_VERSION)
#define SISKIN_ALIGNED __attribute__((aligned(16)))
#elif defined(_MSC_VER)
#define SISKIN_ALIGNED __declspec(align(16))
#elif defined(__cplusplus)
#define SISKIN_ALIGNED alignas(16)
#else
#define SISKIN_ALIGNED _Alignas(16)
#endif

/* An operator: one of the constants siskin_op_NAME below. */
typedef struct siskin_op siskin_op;


/**
 * Model, arena and state must begin at a multiple of this many bytes.
 */
#define SISKIN_ALIGN 16

/**
 * Words of a siskin_session: 128 bytes where pointers have 32 bits, 256 where they have 64.
 */
#define SISKIN_SESSION_WORDS 40

/**
 * The most axes that a shape has.
 */
#define SISKIN_MAX_RANK 8

/**
 * What a call answers. 0 is success; the numbers never change.
 */
enum siskin_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Done.
     */
    SISKIN_STATUS_OK = 0,
    /**
     * A pointer is NULL that must not be.
     */
    SISKIN_STATUS_NULL = 1,
    /**
     * A pointer is not aligned: SISKIN_ALIGN bytes for model, arena and state, the type's own alignment for others.
     */
    SISKIN_STATUS_MISALIGNED = 2,
    /**
     * Two memory areas overlap: session, model, arena, state, or a buffer that is copied to or from.
     */
    SISKIN_STATUS_OVERLAP = 3,
    /**
     * The session was never initialised, its initialisation failed, or its block was copied or moved.
     */
    SISKIN_STATUS_NOT_INITIALIZED = 4,
    /**
     * The bytes are no .siskin file.
     */
    SISKIN_STATUS_NOT_A_MODEL = 5,
    /**
     * The file has a format version that this library does not read.
     */
    SISKIN_STATUS_VERSION = 6,
    /**
     * The model is truncated or has bytes appended: the length given is not the one in its header.
     */
    SISKIN_STATUS_TRUNCATED = 7,
    /**
     * The file is damaged: a checksum differs, or a record is malformed.
     */
    SISKIN_STATUS_DAMAGED = 8,
    /**
     * The file needs a feature that this library lacks.
     */
    SISKIN_STATUS_FEATURE = 9,
    /**
     * The model needs an operator that the table does not name.
     */
    SISKIN_STATUS_NO_OPERATOR = 10,
    /**
     * An operator refuses its operands or attributes.
     */
    SISKIN_STATUS_REFUSED = 11,
    /**
     * The arena is too short.
     */
    SISKIN_STATUS_ARENA = 12,
    /**
     * The state is too short, or the saved state has another length.
     */
    SISKIN_STATUS_STATE = 13,
    /**
     * There is no input or output of this index.
     */
    SISKIN_STATUS_NO_PORT = 14,
    /**
     * The number of elements is not the port's, or a length is larger than memory can be.
     */
    SISKIN_STATUS_LENGTH = 15,
    /**
     * The port's elements are neither floats nor quantized values: use siskin_input and siskin_output.
     */
    SISKIN_STATUS_PORT_TYPE = 16,
    /**
     * The self-test gave another answer than the compiler recorded: this build or device miscomputes.
     */
    SISKIN_STATUS_SELF_TEST = 17,
    /**
     * An error that this version of the library does not tell apart.
     */
    SISKIN_STATUS_OTHER = 18,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum siskin_status siskin_status;
#else
typedef int32_t siskin_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * An element type. The numbers are those of the file format.
 */
enum siskin_dtype
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * float
     */
    SISKIN_DTYPE_F32 = 1,
    /**
     * IEEE 754 binary16
     */
    SISKIN_DTYPE_F16 = 2,
    /**
     * double
     */
    SISKIN_DTYPE_F64 = 3,
    /**
     * int8_t
     */
    SISKIN_DTYPE_I8 = 4,
    /**
     * uint8_t
     */
    SISKIN_DTYPE_U8 = 5,
    /**
     * int16_t
     */
    SISKIN_DTYPE_I16 = 6,
    /**
     * uint16_t
     */
    SISKIN_DTYPE_U16 = 7,
    /**
     * int32_t
     */
    SISKIN_DTYPE_I32 = 8,
    /**
     * uint32_t
     */
    SISKIN_DTYPE_U32 = 9,
    /**
     * int64_t
     */
    SISKIN_DTYPE_I64 = 10,
    /**
     * uint64_t
     */
    SISKIN_DTYPE_U64 = 11,
    /**
     * One byte, 0 or 1
     */
    SISKIN_DTYPE_BOOL = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum siskin_dtype siskin_dtype;
#else
typedef int32_t siskin_dtype;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A session: a block of the caller's memory, static or on a stack, that siskin_init fills. Its content is the
 * library's. It holds no resource, so nothing needs to be freed; it must not be copied or moved. Zero it before
 * siskin_init if other calls may come first: they then answer SISKIN_STATUS_NOT_INITIALIZED.
 *
 * Different sessions may be used at the same time, one session by one thread at a time.
 */
typedef struct siskin_session {
    size_t words[SISKIN_SESSION_WORDS];
} siskin_session;

/**
 * The operators that a program links. `siskin inspect --c-header` prints the table that a model needs; link with
 * `--gc-sections` and the others are dropped. The table must outlive the sessions that use it.
 */
typedef struct siskin_ops {
    /**
     * The operators, in any order.
     */
    const siskin_op *const *list;
    /**
     * How many there are.
     */
    size_t count;
} siskin_ops;

/**
 * What a session is made of. Everything must outlive the session.
 */
typedef struct siskin_config {
    /**
     * The bytes of a .siskin file, in flash or RAM, aligned to SISKIN_ALIGN; they must not change.
     */
    const void *model;
    /**
     * Bytes of the file, exactly.
     */
    size_t model_bytes;
    /**
     * The operators that may run: the table of `siskin inspect --c-header`, or siskin_all_ops.
     */
    const struct siskin_ops *ops;
    /**
     * Memory for inputs, outputs and what lies between, aligned to SISKIN_ALIGN.
     */
    void *arena;
    /**
     * Bytes of the arena, at least the model's: ARENA_BYTES of the header, or siskin_model_sizes.
     */
    size_t arena_bytes;
    /**
     * Memory that is kept from one run to the next, aligned to SISKIN_ALIGN; NULL for a model without state.
     */
    void *state;
    /**
     * Bytes of the state, at least the model's: STATE_BYTES of the header, or siskin_model_sizes.
     */
    size_t state_bytes;
} siskin_config;

/**
 * Why siskin_init refused, in numbers. A field that says nothing about the status is 0.
 */
typedef struct siskin_error {
    /**
     * What siskin_init returned.
     */
    siskin_status status;
    /**
     * SISKIN_STATUS_NO_OPERATOR, REFUSED: the operator's place in the model, from 0.
     */
    uint32_t index;
    /**
     * SISKIN_STATUS_NO_OPERATOR, REFUSED: the operator's code.
     */
    uint32_t code;
    /**
     * SISKIN_STATUS_ARENA, STATE: the bytes needed. SISKIN_STATUS_MISALIGNED: the alignment.
     */
    uint32_t needed;
} siskin_error;

/**
 * An input or output of a model.
 */
typedef struct siskin_port {
    /**
     * The name in the source model: UTF-8, not NUL-terminated, in the model's bytes.
     */
    const char *name;
    /**
     * Bytes of the name.
     */
    size_t name_bytes;
    /**
     * The lengths of the axes, outermost first; 1 beyond the last.
     */
    uint32_t shape[SISKIN_MAX_RANK];
    /**
     * The number of axes.
     */
    uint32_t rank;
    /**
     * The number of elements.
     */
    uint32_t elements;
    /**
     * Bytes of all elements.
     */
    uint32_t bytes;
    /**
     * The element type of the bytes that siskin_input and siskin_output point at.
     */
    siskin_dtype dtype;
    /**
     * The element type in the source model. SISKIN_DTYPE_F32 over integers: siskin_write_f32 and siskin_read_f32 convert.
     */
    siskin_dtype outer;
    /**
     * Real value = (integer - zero_point) * scale, if dtype and outer differ.
     */
    float scale;
    /**
     * The integer that stands for 0.
     */
    int32_t zero_point;
} siskin_port;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Every operator: for programs that load any model. A program that names a smaller table does not link this one.
 */
extern const struct siskin_ops siskin_all_ops;

/**
 * A status as one line of English, for logs. Never NULL; an unknown number gets a text too.
 */
const char *siskin_status_text(int32_t status);

/**
 * The bytes of arena and state that the model needs, for programs that load any model. Verifies the whole file but
 * for its operators; firmware takes the constants of `siskin inspect --c-header` instead. Either result may be NULL.
 *
 * The caller's promise:
 * Unless NULL, `model` is to `model_bytes` bytes, and the others to memory for their types.
 */
siskin_status siskin_model_sizes(const void *model, size_t model_bytes, size_t *arena_bytes, size_t *state_bytes);

/**
 * Verifies the model and makes a session of it, with the state at zero. Takes one pass over the file; every other
 * call relies on it. On failure there is no session, and `error`, unless NULL, says more than the status.
 *
 * The caller's promise:
 * Unless NULL, every pointer is to memory of the length given, which outlives the session and which nobody else
 * writes during a call. `session` and `config` are to their types, `config->ops` to a table of this library's operators.
 */
siskin_status siskin_init(struct siskin_session *session,
                          const struct siskin_config *config,
                          struct siskin_error *error);

/**
 * Runs the model. Inputs may be overwritten: write them before each run.
 *
 * The caller's promise:
 * Unless NULL, `session` is to a siskin_session; if it is initialised, what siskin_init was promised holds, and no
 * other thread uses it during the call.
 */
siskin_status siskin_run(struct siskin_session *session);

/**
 * Runs one operator, for programs that must do something else between operators; `more` says whether any remain.
 * The first call after the last operator begins again.
 *
 * The caller's promise:
 * As siskin_run; `more` is to memory for a bool.
 */
siskin_status siskin_step(struct siskin_session *session, bool *more);

/**
 * Forgets the past: the state becomes zero.
 *
 * The caller's promise:
 * As siskin_run.
 */
siskin_status siskin_reset(struct siskin_session *session);

/**
 * Runs the golden vectors that the compiler recorded and compares the answers: bit for bit for integer models.
 * Overwrites inputs and resets the state before and after. `vectors`, unless NULL, receives how many were right.
 *
 * The caller's promise:
 * As siskin_run; `vectors` is to memory for its type.
 */
siskin_status siskin_self_test(struct siskin_session *session, uint32_t *vectors);

/**
 * Copies the state to `to`. `bytes` must be the model's STATE_BYTES.
 *
 * The caller's promise:
 * As siskin_run; `to` is to memory for `bytes` bytes.
 */
siskin_status siskin_save_state(const struct siskin_session *session, void *to, size_t bytes);

/**
 * Sets the state to bytes that siskin_save_state gave, of the same model.
 *
 * The caller's promise:
 * As siskin_run; `from` is to `bytes` bytes.
 */
siskin_status siskin_restore_state(struct siskin_session *session, const void *from, size_t bytes);

/**
 * The library's version, such as "0.1.0".
 */
const char *siskin_version(void);

/**
 * The number of inputs; 0 for a session that is not initialised.
 *
 * The caller's promise:
 * As siskin_run.
 */
size_t siskin_input_count(const struct siskin_session *session);

/**
 * The number of outputs; 0 for a session that is not initialised.
 *
 * The caller's promise:
 * As siskin_run.
 */
size_t siskin_output_count(const struct siskin_session *session);

/**
 * Describes input `index`.
 *
 * The caller's promise:
 * As siskin_run; `port` is to memory for a siskin_port.
 */
siskin_status siskin_input_port(const struct siskin_session *session, size_t index, struct siskin_port *port);

/**
 * Describes output `index`.
 *
 * The caller's promise:
 * As siskin_run; `port` is to memory for a siskin_port.
 */
siskin_status siskin_output_port(const struct siskin_session *session, size_t index, struct siskin_port *port);

/**
 * Where the elements of input `index` lie in the arena, to be filled before each run: a run may write over them.
 * The place stays the same for the session's life.
 *
 * The caller's promise:
 * As siskin_run; `data` and `bytes` are to memory for their types.
 */
siskin_status siskin_input(struct siskin_session *session, size_t index, void **data, size_t *bytes);

/**
 * Where the elements of output `index` lie, to be read between a run and the next one. The place stays the same
 * for the session's life.
 *
 * The caller's promise:
 * As siskin_run; `data` and `bytes` are to memory for their types.
 */
siskin_status siskin_output(const struct siskin_session *session, size_t index, const void **data, size_t *bytes);

/**
 * Writes real values to input `index`, quantized if it holds integers. `count` must be its number of elements.
 *
 * The caller's promise:
 * As siskin_run; `values` is to `count` floats.
 */
siskin_status siskin_write_f32(struct siskin_session *session, size_t index, const float *values, size_t count);

/**
 * Reads output `index` as real values, dequantized if it holds integers. `count` must be its number of elements.
 *
 * The caller's promise:
 * As siskin_run; `values` is to memory for `count` floats, which need not be initialised.
 */
siskin_status siskin_read_f32(const struct siskin_session *session, size_t index, float *values, size_t count);

/* Every operator of this library. */
extern const siskin_op siskin_op_Abs;
extern const siskin_op siskin_op_Acos;
extern const siskin_op siskin_op_Acosh;
extern const siskin_op siskin_op_Add;
extern const siskin_op siskin_op_And;
extern const siskin_op siskin_op_ArgMax;
extern const siskin_op siskin_op_ArgMin;
extern const siskin_op siskin_op_Asin;
extern const siskin_op siskin_op_Asinh;
extern const siskin_op siskin_op_Atan;
extern const siskin_op siskin_op_Atanh;
extern const siskin_op siskin_op_AveragePool;
extern const siskin_op siskin_op_BatchNormalization;
extern const siskin_op siskin_op_BitShift;
extern const siskin_op siskin_op_BitwiseAnd;
extern const siskin_op siskin_op_BitwiseNot;
extern const siskin_op siskin_op_BitwiseOr;
extern const siskin_op siskin_op_BitwiseXor;
extern const siskin_op siskin_op_Cast;
extern const siskin_op siskin_op_Ceil;
extern const siskin_op siskin_op_Clip;
extern const siskin_op siskin_op_Concat;
extern const siskin_op siskin_op_Conv;
extern const siskin_op siskin_op_ConvInteger;
extern const siskin_op siskin_op_ConvTranspose;
extern const siskin_op siskin_op_Cos;
extern const siskin_op siskin_op_Cosh;
extern const siskin_op siskin_op_CumSum;
extern const siskin_op siskin_op_DeformConv;
extern const siskin_op siskin_op_DequantizeLinear;
extern const siskin_op siskin_op_Det;
extern const siskin_op siskin_op_Div;
extern const siskin_op siskin_op_Elu;
extern const siskin_op siskin_op_Equal;
extern const siskin_op siskin_op_Erf;
extern const siskin_op siskin_op_Exp;
extern const siskin_op siskin_op_Expand;
extern const siskin_op siskin_op_Floor;
extern const siskin_op siskin_op_Gather;
extern const siskin_op siskin_op_GatherElements;
extern const siskin_op siskin_op_GatherND;
extern const siskin_op siskin_op_Gelu;
extern const siskin_op siskin_op_Greater;
extern const siskin_op siskin_op_GreaterOrEqual;
extern const siskin_op siskin_op_GridSample;
extern const siskin_op siskin_op_Gru;
extern const siskin_op siskin_op_HardSigmoid;
extern const siskin_op siskin_op_HardSwish;
extern const siskin_op siskin_op_Identity;
extern const siskin_op siskin_op_IsInf;
extern const siskin_op siskin_op_IsNaN;
extern const siskin_op siskin_op_LRN;
extern const siskin_op siskin_op_LayerNormalization;
extern const siskin_op siskin_op_LeakyRelu;
extern const siskin_op siskin_op_Less;
extern const siskin_op siskin_op_LessOrEqual;
extern const siskin_op siskin_op_Log;
extern const siskin_op siskin_op_LogSoftmax;
extern const siskin_op siskin_op_LpPool;
extern const siskin_op siskin_op_Lstm;
extern const siskin_op siskin_op_Lut;
extern const siskin_op siskin_op_MatMul;
extern const siskin_op siskin_op_MatMulAny;
extern const siskin_op siskin_op_MatMulInteger;
extern const siskin_op siskin_op_Max;
extern const siskin_op siskin_op_MaxPool;
extern const siskin_op siskin_op_MaxUnpool;
extern const siskin_op siskin_op_Min;
extern const siskin_op siskin_op_Mish;
extern const siskin_op siskin_op_Mod;
extern const siskin_op siskin_op_Mul;
extern const siskin_op siskin_op_Neg;
extern const siskin_op siskin_op_Not;
extern const siskin_op siskin_op_OneHot;
extern const siskin_op siskin_op_Or;
extern const siskin_op siskin_op_PRelu;
extern const siskin_op siskin_op_Pad;
extern const siskin_op siskin_op_Pow;
extern const siskin_op siskin_op_QLinearAdd;
extern const siskin_op siskin_op_QLinearAveragePool;
extern const siskin_op siskin_op_QLinearBatchMatMul;
extern const siskin_op siskin_op_QLinearConv;
extern const siskin_op siskin_op_QLinearConvTranspose;
extern const siskin_op siskin_op_QLinearDepthwiseConv;
extern const siskin_op siskin_op_QLinearMatMul;
extern const siskin_op siskin_op_QLinearMul;
extern const siskin_op siskin_op_QLinearSoftmax;
extern const siskin_op siskin_op_QuantizeLinear;
extern const siskin_op siskin_op_RMSNormalization;
extern const siskin_op siskin_op_Reciprocal;
extern const siskin_op siskin_op_ReduceL1;
extern const siskin_op siskin_op_ReduceL2;
extern const siskin_op siskin_op_ReduceLogSum;
extern const siskin_op siskin_op_ReduceLogSumExp;
extern const siskin_op siskin_op_ReduceMax;
extern const siskin_op siskin_op_ReduceMean;
extern const siskin_op siskin_op_ReduceMin;
extern const siskin_op siskin_op_ReduceProd;
extern const siskin_op siskin_op_ReduceSum;
extern const siskin_op siskin_op_ReduceSumSquare;
extern const siskin_op siskin_op_Relu;
extern const siskin_op siskin_op_Reshape;
extern const siskin_op siskin_op_ResizeAxis;
extern const siskin_op siskin_op_ReverseSequence;
extern const siskin_op siskin_op_Rnn;
extern const siskin_op siskin_op_RoiAlign;
extern const siskin_op siskin_op_Round;
extern const siskin_op siskin_op_ScatterElements;
extern const siskin_op siskin_op_ScatterND;
extern const siskin_op siskin_op_Shrink;
extern const siskin_op siskin_op_Sigmoid;
extern const siskin_op siskin_op_Sign;
extern const siskin_op siskin_op_Sin;
extern const siskin_op siskin_op_Sinh;
extern const siskin_op siskin_op_Slice;
extern const siskin_op siskin_op_Softmax;
extern const siskin_op siskin_op_Softplus;
extern const siskin_op siskin_op_Softsign;
extern const siskin_op siskin_op_Sqrt;
extern const siskin_op siskin_op_Sub;
extern const siskin_op siskin_op_Tan;
extern const siskin_op siskin_op_Tanh;
extern const siskin_op siskin_op_ThresholdedRelu;
extern const siskin_op siskin_op_TopK;
extern const siskin_op siskin_op_Transpose;
extern const siskin_op siskin_op_Trilu;
extern const siskin_op siskin_op_UnaryF64;
extern const siskin_op siskin_op_UnpackWeights;
extern const siskin_op siskin_op_Where;
extern const siskin_op siskin_op_Xor;

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SISKIN_H */
