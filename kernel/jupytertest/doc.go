// Package jupytertest has no code: its tests drive the installed kernel with Jupyter's own client, jupyter_client, with
// Jupyter's test suite for kernels, jupyter_kernel_test, and under the programs that run notebooks without a page
// (docs/hosts.md), all in pinned environments. The pages are in notebooks.
package jupytertest
