//! Vectors of float32 for three kinds of processor, chosen when the program runs.

/// The vector instructions that a kernel uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// x86-64 with AVX-512F: 16 numbers at once.
    Avx512,
    /// x86-64 with AVX2 and FMA: 8 numbers at once.
    Avx2,
    /// Any processor, as the compiler makes it: 8 numbers at once.
    Portable,
}

/// Numbers in the widest vector.
pub(super) const MOST_LANES: usize = 16;
/// Numbers in the others.
pub(super) const LEAST_LANES: usize = 8;

impl Isa {
    /// The widest that this processor has.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && Self::has_avx2() {
                return Self::Avx512;
            }
            if Self::has_avx2() {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// All that this processor has, the widest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let widest = Self::detect();
        [Self::Avx512, Self::Avx2, Self::Portable].into_iter().skip_while(|isa| *isa != widest).collect()
    }

    /// The widest not above this one whose vectors divide all of `channels`.
    #[must_use]
    pub fn for_channels(self, channels: &[usize]) -> Self {
        let divides = |lanes: usize| channels.iter().all(|channels| channels.is_multiple_of(lanes));
        if self == Self::Avx512 && !divides(self.lanes()) { Self::Avx2 } else { self }
    }

    /// Numbers in a vector.
    #[must_use]
    pub fn lanes(self) -> usize {
        match self {
            Self::Avx512 => MOST_LANES,
            Self::Avx2 | Self::Portable => LEAST_LANES,
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }
}

/// The vectors of one [`Isa`].
///
/// # Safety
/// All functions need a processor that has the instructions; those with pointers need [`Lanes::N`]
/// readable or writable numbers there, at any alignment.
pub(super) trait Lanes: 'static {
    /// Numbers in a vector.
    const N: usize;
    /// Rows of a product's tile that keep the processor busy without running out of registers.
    const ROWS: usize;
    type V: Copy;
    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    unsafe fn store(to: *mut f32, value: Self::V);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `value` where `condition > 0`, else 0.
    unsafe fn positive(condition: Self::V, value: Self::V) -> Self::V;
    /// `value` where `condition >= 0`, else 0.
    unsafe fn not_negative(condition: Self::V, value: Self::V) -> Self::V;
}

/// `value` where `condition` compares to 0 as told, else 0.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn keep512<const COMPARE: i32>(
    condition: std::arch::x86_64::__m512,
    value: std::arch::x86_64::__m512,
) -> std::arch::x86_64::__m512 {
    use std::arch::x86_64::{_mm512_cmp_ps_mask, _mm512_maskz_mov_ps, _mm512_setzero_ps};
    // SAFETY: the caller has AVX-512F.
    unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<COMPARE>(condition, _mm512_setzero_ps()), value) }
}

/// The same with AVX2.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn keep256<const COMPARE: i32>(
    condition: std::arch::x86_64::__m256,
    value: std::arch::x86_64::__m256,
) -> std::arch::x86_64::__m256 {
    use std::arch::x86_64::{_mm256_and_ps, _mm256_cmp_ps, _mm256_setzero_ps};
    // SAFETY: the caller has AVX.
    unsafe { _mm256_and_ps(_mm256_cmp_ps::<COMPARE>(condition, _mm256_setzero_ps()), value) }
}

macro_rules! x86_lanes {
    ($name:ident, $vector:ident, $n:literal, $rows:literal, $splat:ident, $load:ident, $store:ident, $add:ident,
     $sub:ident, $mul:ident, $max:ident, $fma:ident, $mask:ident) => {
        #[cfg(target_arch = "x86_64")]
        pub(super) struct $name;

        #[cfg(target_arch = "x86_64")]
        #[allow(clippy::undocumented_unsafe_blocks, reason = "the trait's contract is that of each intrinsic")]
        impl Lanes for $name {
            const N: usize = $n;
            const ROWS: usize = $rows;
            type V = std::arch::x86_64::$vector;
            #[inline(always)]
            unsafe fn splat(value: f32) -> Self::V {
                unsafe { std::arch::x86_64::$splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self::V {
                unsafe { std::arch::x86_64::$load(from) }
            }
            #[inline(always)]
            unsafe fn store(to: *mut f32, value: Self::V) {
                unsafe { std::arch::x86_64::$store(to, value) }
            }
            #[inline(always)]
            unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
                unsafe { std::arch::x86_64::$add(a, b) }
            }
            #[inline(always)]
            unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
                unsafe { std::arch::x86_64::$sub(a, b) }
            }
            #[inline(always)]
            unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
                unsafe { std::arch::x86_64::$mul(a, b) }
            }
            #[inline(always)]
            unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
                unsafe { std::arch::x86_64::$max(a, b) }
            }
            #[inline(always)]
            unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                unsafe { std::arch::x86_64::$fma(a, b, c) }
            }
            #[inline(always)]
            unsafe fn positive(condition: Self::V, value: Self::V) -> Self::V {
                unsafe { $mask::<{ std::arch::x86_64::_CMP_GT_OQ }>(condition, value) }
            }
            #[inline(always)]
            unsafe fn not_negative(condition: Self::V, value: Self::V) -> Self::V {
                unsafe { $mask::<{ std::arch::x86_64::_CMP_GE_OQ }>(condition, value) }
            }
        }
    };
}

x86_lanes!(
    Avx512,
    __m512,
    16,
    12,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_max_ps,
    _mm512_fmadd_ps,
    keep512
);
x86_lanes!(
    Avx2,
    __m256,
    8,
    6,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_max_ps,
    _mm256_fmadd_ps,
    keep256
);

pub(super) struct Portable;

/// `f` of each pair of numbers.
#[inline(always)]
fn zip(a: [f32; 8], b: [f32; 8], f: impl Fn(f32, f32) -> f32) -> [f32; 8] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Lanes for Portable {
    const N: usize = 8;
    const ROWS: usize = 4;
    type V = [f32; 8];
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        [value; 8]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the trait's contract; an array of floats has the alignment of a float.
        unsafe { from.cast::<[f32; 8]>().read() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, value: Self::V) {
        // SAFETY: as above.
        unsafe { to.cast::<[f32; 8]>().write(value) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, f32::max)
    }
    #[inline(always)]
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn positive(condition: Self::V, value: Self::V) -> Self::V {
        zip(condition, value, |condition, value| if condition > 0.0 { value } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn not_negative(condition: Self::V, value: Self::V) -> Self::V {
        zip(condition, value, |condition, value| if condition >= 0.0 { value } else { 0.0 })
    }
}

/// Makes a function that calls the generic one of the same arguments with the vectors of an [`Isa`].
macro_rules! per_isa {
    ($(#[$doc:meta])* $vis:vis unsafe fn $name:ident = $body:ident($($arg:ident: $ty:ty),* $(,)?)) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        $vis unsafe fn $name(isa: $crate::nn::kernels::lanes::Isa, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx512($($arg: $ty),*) {
                // SAFETY: the caller's contract; the attribute allows the instructions.
                unsafe { $body::<$crate::nn::kernels::lanes::Avx512>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: as above.
                unsafe { $body::<$crate::nn::kernels::lanes::Avx2>($($arg),*) }
            }
            // SAFETY: an `Isa` comes from `detect`, so the processor has the instructions; the rest
            // is the caller's contract.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::nn::kernels::lanes::Isa::Avx512 => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::nn::kernels::lanes::Isa::Avx2 => avx2($($arg),*),
                    _ => $body::<$crate::nn::kernels::lanes::Portable>($($arg),*),
                }
            }
        }
    };
}
pub(super) use per_isa;
