//! The Python function: found, checked and called.

use std::path::Path;

use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyByteArray, PyDict, PyList, PyString, PyTuple},
};
use rl4seg_sdk::component::{ComponentError, ErrorKind, Result};

use crate::{
    config::{LABEL_NAMES, MetricConfig},
    raised,
};

/// The Python that this plugin is built for.
const VERSION: &str = env!("RL4SEG_PYTHON_VERSION");

/// A Python function with its keyword arguments.
pub(crate) struct Function {
    /// As in the configuration, `module:function`.
    pub name: String,
    callable: Py<PyAny>,
    /// `numpy.frombuffer`.
    from_buffer: Py<PyAny>,
    /// `json.loads`.
    loads: Py<PyAny>,
    /// A JSON object. It is read anew for each call: a function may change the lists and tables that it is given.
    settings: String,
    labels: Option<Vec<String>>,
}

impl Function {
    /// Finds the function that the configuration names.
    ///
    /// # Errors
    /// If NumPy, the module or the function is not there, or the function does not take what it would be given.
    pub fn find(py: Python<'_>, config: &MetricConfig) -> Result<Self> {
        let (module_name, attributes) = config.check()?;
        let name = &config.function;
        let internal = |error| raised::error(py, ErrorKind::Unsupported, "preparing calls of Python", error);
        // Before the folder is added: a file in it may have the name of one of these.
        let numpy = py.import("numpy").map_err(|error| no_numpy(py, error))?;
        let [json, _, _] = ["json", "inspect", "numbers"].map(|name| py.import(name).map_err(internal));
        if let Some(folder) = &config.path {
            add_folder(py, folder, module_name)?;
        }
        let module = py.import(module_name).map_err(|error| no_module(py, config, module_name, error))?;
        let callable = attribute(module.into_any(), name, attributes)?;
        if !callable.is_callable() {
            let message = format!("function is {name:?}, which is a {}; expected a function", type_of(&callable));
            return Err(ComponentError::new(ErrorKind::Configuration, message));
        }
        let function = Self {
            name: name.clone(),
            callable: callable.unbind(),
            from_buffer: numpy.getattr("frombuffer").map_err(internal)?.unbind(),
            loads: json?.getattr("loads").map_err(internal)?.unbind(),
            settings: serde_json::Value::Object(config.settings.clone()).to_string(),
            labels: config.labels.clone(),
        };
        function.check_signature(py)?;
        Ok(function)
    }

    /// Calls it with a copy of `voxels`, the labels of `shape` in C order: a view would outlive the label map if the
    /// function kept it.
    ///
    /// # Errors
    /// What the function raised.
    pub fn call<'py>(
        &self,
        py: Python<'py>,
        voxels: &[u8],
        shape: &[usize],
        spacing_mm: &[Option<f64>],
    ) -> Result<Bound<'py, PyAny>> {
        let call = || {
            let bytes = PyByteArray::new(py, voxels);
            let array = self.from_buffer.bind(py).call1((bytes, "uint8"))?;
            let array = array.call_method1("reshape", (PyTuple::new(py, shape)?,))?;
            let spacing = PyTuple::new(py, spacing_mm)?;
            self.callable.bind(py).call((array, spacing), Some(&self.keywords(py)?))
        };
        call().map_err(|error| raised::error(py, ErrorKind::Other, format!("`{}` failed", self.name), error))
    }

    fn keywords<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let keywords = self.loads.bind(py).call1((&self.settings,))?.cast_into::<PyDict>()?;
        if let Some(labels) = &self.labels {
            keywords.set_item(LABEL_NAMES, PyTuple::new(py, labels)?)?;
        }
        Ok(keywords)
    }

    /// Refuses a function that cannot be called as it will be. Not all that are compiled tell what they take.
    fn check_signature(&self, py: Python<'_>) -> Result<()> {
        let told = || py.import("inspect")?.call_method1("signature", (&self.callable,));
        let Ok(signature) = told() else { return Ok(()) };
        let bind = || signature.call_method("bind", (py.None(), py.None()), Some(&self.keywords(py)?));
        let Err(error) = bind() else { return Ok(()) };
        let mut arguments = vec!["labels".to_owned(), "spacing".to_owned()];
        if let Ok(keywords) = self.keywords(py) {
            arguments.extend(keywords.keys().iter().map(|key| format!("{key}=")));
        }
        let what = format!(
            "`{}` takes {signature} and would be called with ({}); change the function, `settings` or `labels`",
            self.name,
            arguments.join(", ")
        );
        let kind = if error.is_instance_of::<PyTypeError>(py) { ErrorKind::Configuration } else { ErrorKind::Other };
        Err(raised::error(py, kind, what, error))
    }
}

/// `str` for "text", `numpy.ndarray` for an array.
pub(crate) fn type_of(object: &Bound<'_, PyAny>) -> String {
    let name = object.get_type().fully_qualified_name();
    name.map_or_else(|_| "thing of unknown type".to_owned(), |name| name.to_string())
}

/// Puts the folder in front of `sys.path`.
fn add_folder(py: Python<'_>, folder: &Path, module: &str) -> Result<()> {
    let folder = folder.canonicalize().ok().filter(|folder| folder.is_dir()).ok_or_else(|| {
        let here =
            std::env::current_dir().map_or_else(|_| String::new(), |here| format!(", seen from {}", here.display()));
        let message = format!("path is {folder:?}{here}, which is no folder; expected the one that holds `{module}`");
        ComponentError::new(ErrorKind::NotFound, message)
    })?;
    let add = || {
        let path = py.import("sys")?.getattr("path")?.cast_into::<PyList>()?;
        if !path.contains(folder.as_os_str())? {
            path.insert(0, folder.as_os_str())?;
        }
        other_of_the_name(py, &folder, module)
    };
    let other = add().map_err(|error| raised::error(py, ErrorKind::Other, "adding `path` to sys.path", error))?;
    match other {
        None => Ok(()),
        Some((here, loaded)) => Err(ComponentError::new(
            ErrorKind::Inconsistent,
            format!(
                "{here} cannot be imported: Python has loaded another module of this name from {loaded}, and knows one of a \
                 name; rename the file, and name it so in `function`"
            ),
        )),
    }
}

/// The file of the module in `folder` and what Python has loaded instead, if it has: it would answer in its place.
fn other_of_the_name(py: Python<'_>, folder: &Path, module: &str) -> PyResult<Option<(String, String)>> {
    let top = module.split('.').next().unwrap_or(module);
    let loaded = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?.get_item(top)?;
    let finder = py.import("importlib.machinery")?.getattr("PathFinder")?;
    let found = finder.call_method1("find_spec", (top, PyList::new(py, [folder.as_os_str()])?))?;
    let Some(loaded) = loaded else { return Ok(None) };
    let origin = |spec: Bound<'_, PyAny>| spec.getattr("origin").ok()?.extract::<String>().ok();
    let Some(here) = origin(found) else { return Ok(None) };
    let loaded = loaded.getattr("__spec__").ok().and_then(origin).unwrap_or_else(|| "an unknown place".to_owned());
    let is_same = Path::new(&loaded).canonicalize().ok() == Path::new(&here).canonicalize().ok();
    Ok((!is_same).then_some((here, loaded)))
}

fn no_numpy(py: Python<'_>, error: PyErr) -> ComponentError {
    let prefix = sys_text(py, "prefix");
    let what = format!(
        "NumPy cannot be imported by Python {VERSION} of {prefix}; install it there (python{VERSION} -m pip install numpy), \
         or start rl4seg in an activated environment of Python {VERSION} that has it, or name its folder in PYTHONPATH"
    );
    raised::error(py, ErrorKind::NotFound, what, error)
}

fn no_module(py: Python<'_>, config: &MetricConfig, module: &str, error: PyErr) -> ComponentError {
    let hint = if config.path.is_some() { "" } else { "; set `path` to the folder that it lies in, or install it" };
    let folders = sys_text(py, "path");
    let what =
        format!("function is {:?}: Python {VERSION} cannot import `{module}` from {folders}{hint}", config.function);
    raised::error(py, ErrorKind::NotFound, what, error)
}

/// A text, or a list of texts, of the module `sys`.
fn sys_text(py: Python<'_>, name: &str) -> String {
    let value = py.import("sys").and_then(|sys| sys.getattr(name));
    value.map_or_else(|_| "an unknown place".to_owned(), |value| value.to_string())
}

/// Follows the dots of `attributes`.
fn attribute<'py>(module: Bound<'py, PyAny>, function: &str, attributes: &str) -> Result<Bound<'py, PyAny>> {
    attributes.split('.').try_fold(module, |holder, name| {
        holder.getattr(name).map_err(|_| {
            let known = functions(&holder);
            let known = if known.is_empty() { "no functions".to_owned() } else { known.join(", ") };
            let message = format!("function is {function:?}: {holder} has no `{name}`; it has {known}");
            ComponentError::new(ErrorKind::NotFound, message)
        })
    })
}

/// Some names of what could be called.
fn functions(holder: &Bound<'_, PyAny>) -> Vec<String> {
    const MOST: usize = 10;
    let Ok(names) = holder.dir() else { return Vec::new() };
    let names = names.iter().filter_map(|name| name.cast_into::<PyString>().ok());
    let names = names.filter(|name| !name.to_string_lossy().starts_with('_'));
    let names = names.filter(|name| holder.getattr(name).is_ok_and(|found| found.is_callable()));
    names.take(MOST).map(|name| format!("`{name}`")).collect()
}
