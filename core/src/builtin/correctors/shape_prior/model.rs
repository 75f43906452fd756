use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Largest magnitude of a coefficient, standard deviations.
const MAX_COEFFICIENT: f32 = 2.5;
/// Largest root mean square of a shape's coefficients, standard deviations.
const MAX_RMS: f32 = 1.6;
/// Components with less than this share of the first one's variance are rounding errors.
const LEAST_VARIANCE: f64 = 1e-6;

/// A linear model of shapes (Cootes et al. 1995): a mean and the main ways to differ from it, found
/// by principal component analysis of signed distances (Leventon et al. 2000).
///
/// Coefficients are in standard deviations of the training shapes.
#[derive(Debug, Clone)]
pub(super) struct ShapeModel {
    mean: DVector<f32>,
    /// One column a component, as long as one standard deviation.
    modes: DMatrix<f32>,
    /// The squared length of each mode.
    variances: DVector<f32>,
    /// The coefficients of the training shapes, one column each.
    training: DMatrix<f32>,
}

impl ShapeModel {
    /// The model of `shapes`, one column each, with at most `components`. `None` if they do not
    /// differ.
    ///
    /// There are fewer shapes than values in a shape, so the components follow from the scalar
    /// products of the shapes (the method of snapshots, Sirovich 1987).
    pub fn fit(mut shapes: DMatrix<f32>, components: usize) -> Option<Self> {
        let mean = shapes.column_mean();
        shapes.column_iter_mut().for_each(|mut shape| shape -= &mean);
        let products = (shapes.transpose() * &shapes).cast::<f64>();
        let eigen = SymmetricEigen::new(products);
        let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
        order.sort_by(|&left, &right| eigen.eigenvalues[right].total_cmp(&eigen.eigenvalues[left]));
        let least = LEAST_VARIANCE * eigen.eigenvalues[*order.first()?];
        order.retain(|&index| eigen.eigenvalues[index] > least.max(0.0));
        order.truncate(components);
        if order.is_empty() {
            return None;
        }
        // An eigenvector of the products, as long as the root of the number of shapes, holds a
        // component's coefficient of each shape in standard deviations.
        let count = shapes.ncols() as f64;
        let coefficients = eigen.eigenvectors.select_columns(&order) * count.sqrt();
        let modes = &shapes * (&coefficients / count).cast::<f32>();
        let variances = DVector::from_iterator(modes.ncols(), modes.column_iter().map(|mode| mode.norm_squared()));
        Some(Self { mean, modes, variances, training: coefficients.cast::<f32>().transpose() })
    }

    /// The coefficients of a shape, kept near those of the training shapes: each is clipped, then
    /// all are shrunk together.
    pub fn project(&self, shape: Vec<f32>) -> DVector<f32> {
        let difference = DVector::from_vec(shape) - &self.mean;
        let mut coefficients = self.modes.tr_mul(&difference).component_div(&self.variances);
        coefficients.apply(|value| *value = value.clamp(-MAX_COEFFICIENT, MAX_COEFFICIENT));
        let rms = coefficients.norm() / (coefficients.len() as f32).sqrt();
        if rms > MAX_RMS { coefficients * (MAX_RMS / rms) } else { coefficients }
    }

    /// The coefficients of the training shape that is nearest to `coefficients`.
    pub fn nearest(&self, coefficients: &DVector<f32>) -> DVector<f32> {
        let distance = |index: usize| (self.training.column(index) - coefficients).norm_squared();
        let nearest = (0..self.training.ncols())
            .map(|index| (distance(index), index))
            .reduce(|best, next| if next.0 < best.0 { next } else { best });
        nearest.map_or_else(|| coefficients.clone(), |(_, index)| self.training.column(index).into_owned())
    }

    /// The shape with these coefficients.
    pub fn shape(&self, coefficients: &DVector<f32>) -> DVector<f32> {
        &self.modes * coefficients + &self.mean
    }
}
