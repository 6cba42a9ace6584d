// Package widget has the controls of ipywidgets for cells: sliders, fields, buttons, boxes, and [Interact], which makes
// controls from the parameters of a function and runs it anew on each change.
//
//	s := widget.FloatSlider(0, 0.95).Label("prune").Step(0.05)
//	s.OnChange(func(p float64) { fmt.Println("prune", p) })
//	s                     // as the last expression of a cell it is shown
//	s.Value()             // in any later cell
//
//	widget.Interact(func(prune float64, algorithm string) any { … }, widget.FloatSlider(0, 0.95), []string{"gemm", "direct"})
//
// Constructors have the names of ipywidgets; the type of what they return says what its value is. Set and Get reach
// every trait that the widget has there, also those of its layout and style: Set("layout.width", "50%"),
// Set("style.handle_color", "teal"). A mistake in one is a panic that the cell shows as one line.
//
// Handlers run one at a time in the order of the events, beside the cells: what a handler shares with a cell wants a
// sync.Mutex or a channel, and what takes long a go statement. A handler is called with the newest value: of a hundred
// changes that come while it runs it sees the last. What it prints, and its panic, are shown under the cell that made
// the widget, or in the [Output] it is in. An interrupt of the kernel stops the one that runs.
//
// The page needs jupyterlab_widgets (or widgetsnbextension), as `dlas lab` has it; elsewhere a widget is shown as text.
//
// The protocol is version 2.1 of ipywidgets (packages/schema/messages.md there) and the traits are those of
// @jupyter-widgets/base 2.0.0, controls 2.0.0 and output 1.0.0.
package widget
