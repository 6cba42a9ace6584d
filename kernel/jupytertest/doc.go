// Package jupytertest has no code: its tests drive the installed kernel with Jupyter's own client, jupyter_client, and
// with Jupyter's test suite for kernels, jupyter_kernel_test, both in the pinned environment.
package jupytertest
