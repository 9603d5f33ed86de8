/** What ComfyUI's page gets of the pack: a stage on each node that places layers, a shelf, and
 * what a run has made. */
import { COMPARED, SHELVED, STAGED } from './graph.js'
import { attach, compareHostOf, hostOf, mendMaskEditor, register, shelfHostOf } from './host.js'
import { Compare } from './stage/compare.js'
import { Shelf } from './stage/shelf.js'
import { Stage } from './stage/stage.js'

register('multi-edit.stage', node => {
  if (STAGED.includes(node.comfyClass)) attach(node, new Stage(hostOf(node)))
  if (SHELVED.includes(node.comfyClass)) {
    attach(node, new Shelf(shelfHostOf(node)))
    mendMaskEditor(node)
  }
  if (COMPARED.includes(node.comfyClass)) attach(node, new Compare(compareHostOf(node)))
})
