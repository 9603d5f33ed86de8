/** What ComfyUI's page gets of the pack: a stage on each node that places layers. */
import { STAGED } from './graph.js'
import { attach, hostOf, register } from './host.js'
import { Stage } from './stage/stage.js'

register('multi-edit.stage', node => {
  if (STAGED.includes(node.comfyClass)) attach(node, new Stage(hostOf(node)))
})
