//! The Jacobian of a flow map at a point, `J = scale (I + M)`, as products with `M` and `M^T`.
//!
//! Forward: `v_i = scale_i v + sum_{j<i} weight_ij w_j`, `w_i = H_i v_i`, `M v = sum_j (weight_j/scale) w_j`.
//! Transposed, backward through the stages: `g_j = weight_j g + sum_{i>j} weight_ij h_i`, `h_j = H_j g_j`,
//! `M^T g = (1/scale) sum_i scale_i h_i`. One Hessian-vector product a stage in either case.

use super::flow_map::combine;
use super::{FlowMap, MAX_STAGES};
use crate::density::HessianProduct;
use crate::error::{Result, check_len};
use crate::krylov::{LinearOperator, OperatorShape};
use crate::linalg::{DiagonalPlusLowRank, RowMajor};
use crate::point::Context;
use crate::simd::blocks::add_product;
use crate::simd::{f64x8, splat};

/// The residual `M = J/scale - I` of the Jacobian of a [`FlowMap`] at one block of points.
#[derive(Clone, Copy)]
pub struct Jacobian<'m> {
    map: &'m FlowMap<'m>,
    /// The linearizations of the stages, one after the other.
    memory: &'m [f64x8],
}

impl<'m> Jacobian<'m> {
    pub(super) fn new(map: &'m FlowMap<'m>, memory: &'m [f64x8]) -> Self {
        Self { map, memory }
    }

    /// The shape of the Jacobians of a map.
    pub fn shape(map: &FlowMap<'_>) -> OperatorShape {
        let d = map.dim();
        OperatorShape {
            dim: d,
            product: product_scratch_len(map),
            rank: if map.stages().count() == 1 { map.noisy().structure_rank() } else { 0 },
        }
    }

    /// The densities of the stages with their linearizations.
    fn linearized(&self) -> [(&'m dyn HessianProduct, &'m [f64x8]); MAX_STAGES] {
        let mut all = [(self.map.noisy(), self.memory); MAX_STAGES];
        let mut rest = self.memory;
        for (slot, stage) in all.iter_mut().zip(self.map.chain()) {
            let len = stage.density.linearization_len();
            let (own, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            *slot = (stage.density, own);
            rest = after;
        }
        all
    }
}

/// Workspace, in vectors, of a product with the Jacobian of a map.
fn product_scratch_len(map: &FlowMap<'_>) -> usize {
    (map.stages().count() + 1) * map.dim() + map.density_scratch_len()
}

impl LinearOperator for Jacobian<'_> {
    fn dim(&self) -> usize {
        self.map.dim()
    }

    fn scratch_len(&self) -> usize {
        product_scratch_len(self.map)
    }

    fn is_symmetric(&self) -> bool {
        self.map.stages().count() == 1
    }

    fn apply(&self, v: &[f64x8], out: &mut [f64x8], mut context: Context<'_>) -> Result<()> {
        let (d, stages) = (self.dim(), self.map.stages());
        check_len("v", d, v.len())?;
        check_len("M v", d, out.len())?;
        let products = context.scratch.take(stages.count() * d)?;
        let place = context.scratch.take(d)?;
        for (i, (stage, (density, memory))) in self.map.chain().zip(self.linearized()).enumerate() {
            let Some((done, rest)) = products.split_at_mut_checked(i * d) else { break };
            let Some((own, _)) = rest.split_at_mut_checked(d) else { break };
            combine(place, stage.scale, v, stage.weights, done);
            density.linearized_product(memory, place, own, context.scratch.reborrow())?;
            density.count_product(context.evaluations);
        }
        out.fill(f64x8::ZERO);
        for (&weight, product) in stages.result().iter().zip(products.rows(d)) {
            add_multiple(out, weight / stages.scale(), product);
        }
        Ok(())
    }

    fn apply_transposed(
        &self,
        v: &[f64x8],
        out: &mut [f64x8],
        mut context: Context<'_>,
    ) -> Result<()> {
        let (d, stages) = (self.dim(), self.map.stages());
        check_len("v", d, v.len())?;
        check_len("M^T v", d, out.len())?;
        // h_j, in the order of the stages; filled from the last one.
        let products = context.scratch.take(stages.count() * d)?;
        let adjoint = context.scratch.take(d)?;
        let linearized = self.linearized();
        out.fill(f64x8::ZERO);
        let weights = stages.result().iter().zip(&linearized).enumerate();
        for (j, (&weight, &(density, memory))) in weights.rev() {
            for (a, &v) in adjoint.iter_mut().zip(v) {
                *a = splat(weight) * v;
            }
            let Some((before, later)) = products.split_at_mut_checked((j + 1) * d) else { break };
            for ((_, weights), product) in stages.rows().skip(j + 1).zip(later.rows(d)) {
                let weight = weights.get(j).copied().unwrap_or(0.0);
                add_multiple(adjoint, weight, product);
            }
            let Some((_, own)) = before.split_at_mut_checked(j * d) else { break };
            density.linearized_product(memory, adjoint, own, context.scratch.reborrow())?;
            density.count_product(context.evaluations);
        }
        for ((scale, _), product) in stages.rows().zip(products.rows(d)) {
            add_multiple(out, scale / stages.scale(), product);
        }
        Ok(())
    }

    fn structure(&self) -> Option<DiagonalPlusLowRank<'_>> {
        if !self.is_symmetric() {
            return None;
        }
        let stages = self.map.stages();
        let weight = stages.result().first().copied().unwrap_or(0.0);
        let hessian = self.map.noisy().structure(self.memory)?;
        Some(DiagonalPlusLowRank { scale: hessian.scale * (weight / stages.scale()), ..hessian })
    }
}

/// `out += factor v`; a factor of zero lets nothing in.
fn add_multiple(out: &mut [f64x8], factor: f64, v: &[f64x8]) {
    if factor != 0.0 {
        add_product(out, splat(factor), v);
    }
}
