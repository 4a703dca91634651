//! One routine, compiled for several widths of vectors; the processor decides at run time which of them runs.

/// Makes a function out of an `#[inline(always)]` one: the same code built for AVX-512, for AVX2 and for any processor, behind
/// a check of what this one can do.
macro_rules! vectorised {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $return:ty = $body:path;) => {
        $(#[$doc])*
        $vis fn $name($($argument: $type),*) -> $return {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,bmi1,bmi2")]
                fn avx512($($argument: $type),*) -> $return {
                    $body($($argument),*)
                }
                #[target_feature(enable = "avx2,bmi1,bmi2")]
                fn avx2($($argument: $type),*) -> $return {
                    $body($($argument),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                {
                    // SAFETY: the processor has every feature the function was built for.
                    return unsafe { avx512($($argument),*) };
                }
                if is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                {
                    // SAFETY: as above.
                    return unsafe { avx2($($argument),*) };
                }
            }
            $body($($argument),*)
        }
    };
}

pub(crate) use vectorised;
