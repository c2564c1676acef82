// Every route of the API, in the order in which the OpenAPI document shows them.
import type { Route } from './route.ts';
import { actionRoutes } from './routes/action-routes.ts';
import { eventRoutes } from './routes/event-routes.ts';
import { hostRoutes } from './routes/host-routes.ts';
import { manifestRoutes } from './routes/manifest-routes.ts';
import { serverRoutes } from './routes/server-routes.ts';
import { watchRoutes } from './routes/watch-routes.ts';

export const ROUTES: readonly Route[] = [
  ...hostRoutes,
  ...actionRoutes,
  ...eventRoutes,
  ...watchRoutes,
  ...manifestRoutes,
  ...serverRoutes,
];
